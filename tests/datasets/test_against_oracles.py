"""Artifacts hold exactly what the per-row Datasets compute, on sample files and on real ones."""

from pathlib import Path

import pytest
import torch
from building import build
from oracles import PerRowAgNews, PerRowMnist, PerRowTitanic
from torch import Tensor

from shardmill import AGNewsDataset, MNISTDataset, TitanicDataset
from shardmill.recipe.load_recipe import load_recipe, parse_recipe, shipped_recipe_text

KEPT_AS_NAN = {'missing = "median"': 'missing = "keep"', 'missing = "mode"': 'missing = "keep"'}


def edited_recipe(name: str, edits: dict[str, str]) -> str:
    text = shipped_recipe_text(name)
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    return text


def check_titanic(raw: Path, out: Path) -> int:
    """Every row of the file is in one of the two splits, in order, value for value."""
    recipe = parse_recipe(edited_recipe("titanic", KEPT_AS_NAN), where="edited")
    artifact = build(recipe, raw, out)
    oracle = PerRowTitanic(raw / "titanic/train.csv", drop_features=["Fare"])
    expected = [(x.nan_to_num(-1).tolist(), y) for x, y in (oracle[i] for i in range(len(oracle)))]
    splits = [
        TitanicDataset(artifact, split, drop_features=["Fare"]) for split in ("train", "validation")
    ]
    assert [*splits[0].features] == oracle.features
    assert splits[0].classes == oracle.classes
    rows = [(x.nan_to_num(-1).tolist(), int(y)) for ds in splits for x, y in ds]
    assert sorted(rows) == sorted(expected)
    for ds in splits:  # each split keeps the order of the file
        remaining = iter(expected)
        assert all((x.nan_to_num(-1).tolist(), int(y)) in remaining for x, y in ds)
    return len(rows)


def check_mnist(artifacts: Path, raw: Path) -> int:
    """Every image and label of both files, pixel for pixel."""
    train = PerRowMnist(
        raw / "mnist/train-images-idx3-ubyte.gz", raw / "mnist/train-labels-idx1-ubyte.gz"
    )
    splits = [MNISTDataset(artifacts / "mnist", split) for split in ("train", "validation")]
    positions = [0, 0]
    for index in range(len(train)):
        x, y = train[index]
        # The next row of the file is the next row of one split or of the other.
        for which, ds in enumerate(splits):
            if positions[which] < len(ds) and same_row(ds[positions[which]], x, y):
                positions[which] += 1
                break
        else:
            pytest.fail(f"row {index} of the file is in neither split")
    assert positions == [len(ds) for ds in splits]
    test = PerRowMnist(
        raw / "mnist/t10k-images-idx3-ubyte.gz", raw / "mnist/t10k-labels-idx1-ubyte.gz"
    )
    ds = MNISTDataset(artifacts / "mnist", "test")
    assert len(ds) == len(test)
    assert all(same_row(ds[index], *test[index]) for index in range(len(test)))
    return len(train) + len(test)


def same_row(row: tuple[Tensor, Tensor], x: Tensor, y: int) -> bool:
    return int(row[1]) == y and torch.equal(row[0], x)


def check_ag_news(raw: Path, out: Path, order: str) -> int:
    """Every token and every id of both files, for one order of the vocabulary."""
    text = edited_recipe("ag_news", {'order = "frequency"': f'order = "{order}"'})
    artifact = build(parse_recipe(text, where="edited"), raw, out)
    rows = 0
    for split in ("train", "test"):
        oracle = PerRowAgNews(raw / f"ag_news/{split}.csv", raw / "ag_news/train.csv", order)
        ds = AGNewsDataset(artifact, split)
        assert ds.vocab.get_itos() == oracle.itos
        assert len(ds) == len(oracle)
        assert ds.classes == oracle.classes
        for index in range(len(oracle)):
            ids, y = ds[index]
            assert (ids.tolist(), int(y)) == oracle[index], f"row {index} of {split}"
            known = [t if t in oracle.stoi else "<unk>" for t in oracle.tokens(oracle.rows[index])]
            assert ds.vocab.lookup_tokens(ids) == known
        rows += len(oracle)
    return rows


def test_titanic_sample(sample_raw: Path, tmp_path: Path) -> None:
    assert check_titanic(sample_raw, tmp_path) == 1_000


def test_mnist_sample(sample_artifacts: Path, sample_raw: Path) -> None:
    assert check_mnist(sample_artifacts, sample_raw) == 5_000


@pytest.mark.parametrize("order", ["frequency", "first_seen"])
def test_ag_news_sample(sample_raw: Path, tmp_path: Path, order: str) -> None:
    assert check_ag_news(sample_raw, tmp_path, order) == 5_000


def test_titanic_real(real_raw: Path, tmp_path: Path) -> None:
    assert check_titanic(real_raw, tmp_path) == 891


def test_mnist_real(real_raw: Path, tmp_path: Path) -> None:
    build(load_recipe("mnist"), real_raw, tmp_path)
    assert check_mnist(tmp_path, real_raw) == 70_000


@pytest.mark.parametrize("order", ["frequency", "first_seen"])
def test_ag_news_real(real_raw: Path, tmp_path: Path, order: str) -> None:
    assert check_ag_news(real_raw, tmp_path, order) == 17_598


def test_missing_values_are_imputed_from_the_train_split(
    sample_artifacts: Path, sample_raw: Path
) -> None:
    train = TitanicDataset(sample_artifacts / "titanic", "train")
    ages = [
        float(row["Age"])
        for row in PerRowTitanic(sample_raw / "titanic/train.csv").rows
        if row["Age"]
    ]
    statistics = train.statistics["Age"]
    assert statistics.missing > 0
    assert min(ages) < float(statistics.fill or 0) < max(ages)
    age = train.features.index("Age")
    filled = train[:][0][:, age].eq(float(statistics.fill or 0))
    assert int(filled.sum()) >= statistics.missing
    assert not train[:][0].isnan().any()
