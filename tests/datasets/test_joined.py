"""Joined datasets hold the rows of their members, and mixtures draw them in exact proportion."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from joined_datasets import (
    FEW,
    IMAGE,
    INDICES,
    KINDS,
    MANY,
    ROWS,
    TEXT,
    make,
    orders_of,
    pair,
    rows_of,
    same,
)
from torch import Tensor
from torch.utils.data import DataLoader

import shardmill
from shardmill import ShardDataset
from shardmill.datasets.joined import JoinedDataset
from shardmill.errors import AgreementError


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mixed", [False, True])
def test_every_index_is_that_of_a_member(members: Path, kind: str, mixed: bool) -> None:
    many, few = pair(members, kind)
    ds: JoinedDataset = shardmill.mix({many: 2, few: 1}) if mixed else shardmill.concat([many, few])
    assert len(ds) == ROWS
    expected = [(x.tolist(), int(y)) for member in (many, few) for x, y in member]
    x, y = ds[INDICES]
    assert rows_of(x) == [expected[row][0] for row in INDICES]
    assert y.tolist() == [expected[row][1] for row in INDICES]
    assert [(x.tolist(), int(y)) for x, y in map(ds.__getitem__, INDICES)] == [
        expected[row] for row in INDICES
    ]
    for index in (slice(MANY - 3, MANY + 3), slice(None, None, -99), slice(2, 5), slice(9, 9)):
        x, y = ds[index]
        assert list(zip(rows_of(x), y.tolist(), strict=True)) == expected[index]
    assert rows_of(ds[:][0]) == [x for x, _ in expected]
    assert same(ds[:MANY], many[:])
    assert same(ds[MANY:], few[:])
    for wrong in (ROWS, -ROWS - 1, [0, ROWS]):
        with pytest.raises(IndexError, match=f"of {ROWS:,} in {type(ds).__name__}"):
            ds[wrong]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shuffle", [False, True, "blocks"])
def test_the_loader_reads_every_row_once(members: Path, kind: str, shuffle: Any) -> None:
    ds = shardmill.concat(pair(members, kind))
    options: list[dict[str, Any]] = [{}, {"prefetch": 2}]
    options += [{"bucket": True}] if kind != "pictures" else [{"weights": None}]
    for option in options:
        loader = ds.loader(300, shuffle=shuffle, seed=2, **option)
        orders = orders_of(loader)
        assert torch.equal(torch.cat(orders).sort().values, torch.arange(ROWS))
        loader.set_epoch(0)
        batches = list(loader)
        assert all(same(b, ds[rows]) for b, rows in zip(batches, orders, strict=True))


def test_joined_datasets_may_be_joined(members: Path) -> None:
    many, few = pair(members, "bag")
    inner = shardmill.concat([few, many])
    nested = shardmill.concat([inner, few, shardmill.concat([inner])])
    flat = shardmill.concat([few, many, few, few, many])
    rows = [*range(0, len(flat), 13), -1, 5, FEW, ROWS]
    assert len(nested) == len(flat) == 2 * ROWS + FEW
    assert same(nested[rows], flat[rows])
    mixture = shardmill.mix({inner: 1, few: 3}, rows=400)
    orders = orders_of(mixture.loader(100))
    assert int((torch.cat(orders) < ROWS).sum()) == 100
    batches = list(mixture.loader(100))
    assert all(same(b, mixture[rows]) for b, rows in zip(batches, orders, strict=True))


def test_members_without_targets(members: Path) -> None:
    bare = [shardmill.open(members / "pictures", split) for split in ("bare", "bare-few")]
    labelled = shardmill.concat(pair(members))
    ds = shardmill.concat(bare)
    assert torch.equal(ds[INDICES], labelled[INDICES][0])
    assert torch.equal(ds[MANY], labelled[MANY][0])
    for loader in (ds.loader(999), DataLoader(ds, batch_size=999)):
        assert torch.equal(torch.cat(list(loader)), labelled[:][0])
    with pytest.raises(AgreementError, match=r"expected no y, as.*found y int64 \[\]"):
        shardmill.concat([bare[0], pair(members)[0]])


@pytest.mark.parametrize("kind", KINDS)
def test_members_transform_their_own_rows(members: Path, kind: str) -> None:
    many, _ = pair(members, kind)
    options: dict[str, Any] = {"per_row": True, "target_transform": lambda y: int(y) + 10}
    _, few = pair(members, kind, transform=lambda x: x.flip(-1), **options)
    x, y = shardmill.concat([many, few])[INDICES]
    for row, target, at in zip(rows_of(x), y.tolist(), INDICES, strict=True):
        at %= ROWS
        plain, label = pair(members, kind)[at >= MANY][at - MANY * (at >= MANY)]
        assert row == (plain if at < MANY else plain.flip(-1)).tolist()
        assert target == int(label) + 10 * (at >= MANY)


@pytest.mark.parametrize("kind", KINDS)
def test_batch_transforms_may_return_tensors(members: Path, kind: str) -> None:
    def size(x: Any) -> Tensor:
        rows = [x] if isinstance(x, Tensor) and not x.is_nested and x.ndim == 1 else rows_of(x)
        return torch.tensor([[len(row), 7] for row in rows])

    ds = shardmill.concat(pair(members, kind, transform=size))
    expected = [[len(row), 7] for row in rows_of(shardmill.concat(pair(members, kind))[INDICES][0])]
    assert ds[INDICES][0].tolist() == expected


@pytest.mark.parametrize("kind", KINDS)
def test_transforms_of_members_return_tensors(members: Path, kind: str) -> None:
    ds = shardmill.concat(pair(members, kind, transform=lambda x: "text"))
    with pytest.raises(TypeError, match="transforms of joined datasets return tensors, not str"):
        ds[INDICES]


def test_members_that_disagree_are_refused(members: Path, sample_artifacts: Path) -> None:
    pictures, texts = (pair(members, kind)[0] for kind in ("pictures", "bag"))
    titanic = sample_artifacts / "titanic"
    no_fare, no_age = (shardmill.open(titanic, drop_features=[n]) for n in ("Fare", "Age"))
    tabular = shardmill.open(titanic)

    def other(recipe: str, name: str, **facts: Any) -> ShardDataset:
        return shardmill.open(make(members, recipe, name=name, **facts))

    # the first member, another one, what they disagree in
    table: list[tuple[ShardDataset, ShardDataset, str]] = [
        (pictures, texts, "kind image"),
        (pictures, tabular, "kind image"),
        (pictures, other(IMAGE, "p1", classes=["a", "b", "x"]), "classes"),
        (pictures, other(IMAGE, "p2", images="wide"), "x uint8"),
        (pictures, other(IMAGE, "p3", images="floats"), "x uint8"),
        (tabular, no_age, "features"),
        (no_fare, no_age, "features"),
        (pair(members, "padded")[0], other(TEXT, "t1", min_freq=3), "vocabulary of"),
        (texts, pair(members, "padded")[0], "layout bag"),
        (texts, pair(members, "jagged")[0], "layout bag"),
    ]
    for (one, two, term), mixed in itertools.product(table, (False, True)):
        with pytest.raises(AgreementError) as caught:
            shardmill.mix({one: 1, two: 1}) if mixed else shardmill.concat([one, two])
        assert repr(one) in str(caught.value)
        assert repr(two) in str(caught.value)
        assert f"expected {term}" in str(caught.value)
    joined = shardmill.concat([pictures, pictures])
    with pytest.raises(AgreementError, match="kind"):
        shardmill.concat([texts, joined])
    kept = [
        shardmill.open(titanic, split, drop_features=["Age"]) for split in ("train", "validation")
    ]
    assert torch.equal(shardmill.concat(kept)[len(kept[0]) :][0], kept[1][:][0])


def test_members_with_other_padding_are_refused(members: Path) -> None:
    other = shardmill.open(make(members, TEXT, name="t2", padding="<unk>"))
    with pytest.raises(AgreementError, match="padding"):
        shardmill.concat([pair(members, "padded")[0], other])
