"""Values that a manifest does not allow are found, although all checksums are right."""

import json
from pathlib import Path

import numpy as np
import pytest
from changed_tensors import Change, change_tensor, put
from golden_build import RECIPES, write_raw

from shardmill.errors import DamagedFileError
from shardmill.format.verify_artifact import verify_artifact
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.recipe.load_recipe import parse_recipe


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    (tmp_path / "raw").mkdir()
    write_raw(tmp_path / "raw")
    recipes = tuple(parse_recipe(text, where=kind) for kind, text in RECIPES.items())
    build_artifacts(Sources(recipes, tmp_path / "raw"), BuildOptions(out=tmp_path))
    return tmp_path


CASES = [
    ("text", "x", put(0, 77), "x: 77 where 0 to"),
    ("text", "x", put(-1, -1), "x: -1 where 0 to"),
    ("text", "y", put(1, 2), "y: 2 where 0 to 1 can be"),
    ("text", "x.sizes", put(0, 1), "x.offsets: rows that do not lie one after another"),
    ("text", "x.sizes", put(0, -3), "x.sizes: -3"),
    ("text", "x.offsets", put(2, 1000), "x.offsets: rows that do not lie one after another"),
    ("image", "y", put(0, 200), "y: 200 where 0 to 1 can be"),
    ("tabular", "y", put(0, 3), "y: 3 where 0 to 1 can be"),
    ("tabular", "x", put((0, 0), np.inf), "x: inf where numbers are finite"),
]


@pytest.mark.parametrize(("kind", "tensor", "change", "message"), CASES)
def test_values(artifacts: Path, kind: str, tensor: str, change: Change, message: str) -> None:
    verify_artifact(artifacts / kind)
    change_tensor(artifacts / kind, tensor, change)
    with pytest.raises(DamagedFileError, match=f"train-00000.safetensors: .*found {message}"):
        verify_artifact(artifacts / kind)


def test_missing_numbers_that_are_kept(artifacts: Path) -> None:
    change_tensor(artifacts / "tabular", "x", put((0, 1), np.nan))
    verify_artifact(artifacts / "tabular")


@pytest.mark.parametrize("key", ["rows", "longest"])
def test_counts_of_the_manifest(artifacts: Path, key: str) -> None:
    path = artifacts / "text/manifest.json"
    facts = json.loads(path.read_bytes())
    train = facts["splits"]["train"]
    if key == "rows":
        train["parquet"][0]["rows"] += 1
    else:
        train["shards"][0]["longest"]["x"] += 1
    path.write_text(json.dumps(facts))
    with pytest.raises(DamagedFileError, match="found 4" if key == "rows" else "the longest row"):
        verify_artifact(artifacts / "text")
