"""`shardmill.open` gives options to the dataset of the artifact's kind."""

import pickle
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

import shardmill
from shardmill import ImageDataset, Manifest, TabularDataset, TextDataset


def test_each_kind_takes_its_own_options(sample_artifacts: Path) -> None:
    table = shardmill.open(sample_artifacts / "titanic", drop_features=["Fare"])
    assert isinstance(table, TabularDataset)
    assert "Fare" not in table.features
    texts = shardmill.open(sample_artifacts / "ag_news", layout="bag", max_tokens=3)
    assert isinstance(texts, TextDataset)
    assert len(texts[:4][0].ids) <= 12
    manifest = Manifest.load(sample_artifacts / "mnist")
    images = shardmill.open("elsewhere", "test", transform=Tensor.float, manifest=manifest)
    assert isinstance(images, ImageDataset)
    assert (images.split, images.manifest) == ("test", manifest)


@pytest.mark.parametrize(
    ("name", "options", "kind", "found"),
    [
        ("titanic", {"layout": "bag"}, "text", "tabular"),
        ("mnist", {"max_tokens": 5}, "text", "image"),
        ("ag_news", {"drop_features": ["Fare"]}, "tabular", "text"),
    ],
)
def test_options_of_another_kind_are_refused(
    sample_artifacts: Path, name: str, options: dict[str, Any], kind: str, found: str
) -> None:
    said = f"{next(iter(options))} is an option of artifacts of kind {kind}, and .*{name} is of "
    with pytest.raises(TypeError, match=f"{said}kind {found}"):
        shardmill.open(sample_artifacts / name, **options)


def test_the_type_of_rows_does_not_travel(sample_artifacts: Path) -> None:
    class Local:  # cannot be pickled
        pass

    ds = TabularDataset[Local](sample_artifacts / "titanic")
    copy: TabularDataset[Any] = pickle.loads(pickle.dumps(ds))
    assert len(copy) == len(ds)
