"""Values that a manifest does not allow are found, although all checksums are right."""

import json
from pathlib import Path
from typing import Any

import bikes
import numpy as np
import pytest
from changed_tensors import Change, change_tensor, put
from golden_build import RECIPES, write_raw

from shardmill.errors import DamagedFileError
from shardmill.format import check_contents
from shardmill.format.manifest import Manifest
from shardmill.format.verify_artifact import verify_artifact
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.recipe.load_recipe import parse_recipe


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    (tmp_path / "raw").mkdir()
    write_raw(tmp_path / "raw")
    bikes.write_raw(tmp_path / "raw", 40)
    texts = {**RECIPES, "bikes": bikes.BIKES}
    recipes = tuple(parse_recipe(text, where=kind) for kind, text in texts.items())
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
    ("tabular", "x", put((0, 0), np.inf), "x: inf for height where numbers are finite"),
    ("tabular", "x", put((0, 0), np.nan), "x: nan for height where numbers are finite"),
    ("tabular", "x", put((0, 1), np.inf), "x: inf for leaf where numbers are finite"),
    ("bikes", "x.places", put((3, 0), 9), "x.places: 9 for station, of 0 to 3"),
    ("bikes", "x.docks", put((3, 0), 9), ""),
    ("bikes", "y.returned", put(1, 7), "y.returned: 7 where 0 to 1 can be"),
    ("bikes", "y.minutes", put(1, np.nan), "y.minutes: nan where numbers are finite"),
    ("bikes", "x.numbers", put((1, 2), -np.inf), "x.numbers: -inf for built where numbers are"),
]


@pytest.mark.parametrize(("kind", "tensor", "change", "message"), CASES)
def test_values(artifacts: Path, kind: str, tensor: str, change: Change, message: str) -> None:
    verify_artifact(artifacts / kind)
    change_tensor(artifacts / kind, tensor, change)
    if not message:
        verify_artifact(artifacts / kind)
        return
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
    message = "found 4 rows" if key == "rows" else "the longest row"
    with pytest.raises(DamagedFileError, match=message):
        verify_artifact(artifacts / "text")


def test_bools_are_0_or_1(artifacts: Path) -> None:
    def change(array: Any) -> None:
        array.view(np.uint8)[2, 0] = 2

    change_tensor(artifacts / "bikes", "x.flags", change)
    with pytest.raises(DamagedFileError, match=r"found x\.flags: 2 where 0 and 1 can be"):
        verify_artifact(artifacts / "bikes")


def test_all_faults_are_listed(artifacts: Path) -> None:
    artifact = artifacts / "text"
    change_tensor(artifact, "x", put(0, 77))
    change_tensor(artifact, "y", put(0, 5))
    (artifact / Manifest.load(artifact).raw.path).write_bytes(b"{}")
    with pytest.raises(DamagedFileError) as raised:
        verify_artifact(artifact)
    assert raised.value.where == str(artifact)
    assert raised.value.found.startswith("2 faults: shards-")
    for fault in ("raw.json: 2 bytes", "train-00000.safetensors: x: 77 where", "; y: 5 where"):
        assert fault in raised.value.found


def test_no_more_than_ten_faults_are_told(artifacts: Path) -> None:
    artifact = artifacts / "bikes"
    facts = json.loads((artifact / "manifest.json").read_bytes())
    for split in facts["splits"].values():
        split["left_out"] = [split["parquet"][0] | {"bytes": n} for n in range(6)]
    (artifact / "manifest.json").write_text(json.dumps(facts))
    with pytest.raises(DamagedFileError, match=r"found 18 faults: clean-.*; 8 more; build"):
        verify_artifact(artifact)


@pytest.mark.parametrize("kind", ["text", "image", "tabular", "bikes"])
def test_classes_are_those_of_the_cleaned_rows(artifacts: Path, kind: str) -> None:
    def change(array: Any) -> None:
        array[[0, 1]] = 1 - array[[0, 1]]

    name = "y.returned" if kind == "bikes" else "y"
    change_tensor(artifacts / kind, name, change)
    message = f"expected the same rows in all files of the split train, found {name}: classes that"
    with pytest.raises(DamagedFileError, match=message):
        verify_artifact(artifacts / kind)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda v: v.update(tokens=v["tokens"] + 1), r"\d+ tokens where the manifest has"),
        (lambda v: v.update(padding_id=0), "id 1 for the padding token, not 0"),
        (lambda v: v.update(padding="zzz"), "no token 'zzz', which fills up short texts"),
        (lambda v: v.update(unknown="zzz"), "no token 'zzz', which stands for unknown ones"),
        (lambda v: v.update(vocab=v["tokenizer"]), "expected the vocabulary of the manifest"),
    ],
)
def test_vocabulary(artifacts: Path, change: Change, fault: str) -> None:
    path = artifacts / "text/manifest.json"
    facts = json.loads(path.read_bytes())
    change(facts["vocabulary"])
    path.write_text(json.dumps(facts))
    with pytest.raises(DamagedFileError, match=fault):
        verify_artifact(artifacts / "text")


def test_blocks_are_small(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_contents, "_BLOCK_BYTES", 7)
    for kind in ("text", "image", "tabular", "bikes"):
        verify_artifact(artifacts / kind)
    change_tensor(artifacts / "text", "x", put(-1, -1))
    with pytest.raises(DamagedFileError, match="x: -1 where"):
        verify_artifact(artifacts / "text")
