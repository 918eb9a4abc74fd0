"""Baselines train on rows with several texts, and their models predict and are exported."""

from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
import torch
from building import build
from pairs_of_texts import PAIRS, pair_rows, write_lines
from wines import WINES, wine_rows, write_wines

from shardmill import Bag, ModelError, TabularDataset, TextDataset
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.training.models.text_bag import TextBag
from shardmill.training.run.train_artifact import RunOptions, train_artifact
from shardmill.training.saved.export_model import export_model
from shardmill.training.saved.load_model import load_model


@pytest.mark.parametrize("architecture", ["text_bag", "text_transformer"])
def test_a_run_from_pairs_to_a_file_for_torch(tmp_path: Path, architecture: str) -> None:
    write_lines(pair_rows(300), tmp_path / "pairs.csv")
    artifact = build(parse_recipe(PAIRS, where="test"), tmp_path, tmp_path)
    changes = {"epochs": 1, "log": {"tensorboard": True}, "model": {"architecture": architecture}}
    result = train_artifact(artifact, tmp_path / "runs", options=RunOptions(changes))
    assert np.isfinite(result.metrics["validation_loss"])
    model = load_model(result.folder / "model")
    rows = [{"premise": "w1 w2", "topic": "T", "hypothesis": "w1"}]
    assert model.predict(rows).shape == (1, 2)
    exported = export_model(model, tmp_path / "model.pt2")
    assert list(exported.inputs) == [
        f"{group}.{name}" for group in ("premise", "hypothesis") for name in ("ids", "offsets")
    ]
    ds: TextDataset[Any, Any] = TextDataset(artifact, layout="bag")
    x, _ = ds[:9]
    named = {f"{g}.{n}": t for g, bag in x.items() for n, t in bag._asdict().items()}
    module = torch.export.load(exported.path).module()
    torch.testing.assert_close(module(named), model.logits(x), rtol=1e-4, atol=1e-4)


def test_a_model_of_one_text_is_no_start_for_pairs(tmp_path: Path) -> None:
    write_lines(pair_rows(300), tmp_path / "pairs.csv")
    groups = PAIRS[PAIRS.index("[groups]") : PAIRS.index("[vocabulary]")]
    alone = PAIRS.replace(groups, "").replace("[text]", '[text]\njoin = ["premise"]')
    alone = alone.replace('name = "pairs"', 'name = "alone"')
    one, pairs = (build(parse_recipe(t, where="t"), tmp_path, tmp_path) for t in (alone, PAIRS))
    changes: dict[str, object] = {"epochs": 1}
    start = train_artifact(one, tmp_path / "runs", options=RunOptions(changes)).folder / "model"
    changes["transfer"] = {"model": str(start)}
    with pytest.raises(ModelError, match=r"expected 2 texts in a row, .* found 1 texts in a row"):
        train_artifact(pairs, tmp_path / "runs", options=RunOptions(changes))


def test_a_run_on_a_table_with_texts(tmp_path: Path) -> None:
    write_wines(wine_rows(300), tmp_path / "wines.csv")
    artifact = build(parse_recipe(WINES, where="test"), tmp_path, tmp_path)
    changes: dict[str, object] = {"epochs": 1, "log": {"tensorboard": True}}
    folder = train_artifact(artifact, tmp_path / "runs", options=RunOptions(changes)).folder
    model = load_model(folder / "model")
    words = model.module.backbone.words
    assert isinstance(words, TextBag)
    ds: TabularDataset[Any] = TabularDataset(artifact, layout="bag")
    assert ds.vocab is not None
    assert int(words.token_hashes[ds.vocab["w1"]]) == crc32(b"w1")
    x, _ = ds[:9]
    exported = export_model(model, tmp_path / "model.pt2")
    assert list(exported.inputs) == [
        "features",
        *(f"{t}.{n}" for t in ds.texts for n in Bag._fields),
    ]
    named = {"features": x["features"]}
    named |= {f"{t}.{n}": part for t in ds.texts for n, part in x[t]._asdict().items()}
    found = torch.export.load(exported.path).module()(named)
    torch.testing.assert_close(found, model.logits(x), rtol=1e-4, atol=1e-4)
    other = {**x, "notes": Bag(x["notes"].ids.flip(0), x["notes"].offsets)}
    assert not torch.equal(model.logits(other), model.logits(x))  # texts count
    changes["transfer"] = {"model": str(folder / "model")}
    again = train_artifact(artifact, tmp_path / "again", options=RunOptions(changes))
    assert again.origin is not None and "it knows" in again.origin
