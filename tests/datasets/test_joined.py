"""Joined datasets hold the rows of their members, and mixtures draw them in exact proportion."""

import itertools
import json
import pickle
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from building import build
from torch import Tensor
from torch.utils.data import DataLoader

import shardmill
from shardmill import Bag, Padded, ShardDataset
from shardmill.datasets.joined import JoinedDataset
from shardmill.errors import AgreementError
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe

MANY, FEW = 600, 37  # rows of the splits `train` and `few`
ROWS = MANY + FEW
INDICES = [0, 1, MANY - 1, MANY, ROWS - 1, -1, -FEW, -FEW - 1, -ROWS, 77, MANY, 77]

IMAGE = """
name = "{name}"
kind = "image"
target = {{ classes = {classes} }}
[splits]
train = {{ images.path = "{images}", labels.path = "labels" }}
few = {{ images.path = "{few}", labels.path = "{few_labels}" }}
bare = {{ images.path = "{images}", labelled = false }}
bare-few = {{ images.path = "{few}", labelled = false }}
"""

TEXT = """
name = "{name}"
kind = "text"
csv = {{ header = false }}
text = {{ columns = ["label", "text"], join = ["text"], tokenizer = "whitespace" }}
target = {{ column = "label", classes = ["a", "b", "c"] }}
vocabulary = {{ padding = "{padding}", min_freq = {min_freq} }}
splits.train.csv.path = "texts.csv"
splits.few.csv.path = "few.csv"
"""

# Name -> options with which both members of a pair are opened.
KINDS: Mapping[str, dict[str, Any]] = {
    "pictures": {},
    "padded": {"layout": "padded"},
    "bag": {"layout": "bag"},
    "jagged": {"layout": "jagged"},
    "cut": {"layout": "bag", "max_tokens": 2},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Artifacts of images [1, 2, 2] and of texts, whose rows all differ."""
    folder = tmp_path_factory.mktemp("joined")
    for images, labels, rows in (("images", "labels", MANY), ("few", "few-labels", FEW)):
        numbers = np.arange(rows, dtype="<u4") + 2**31 // rows
        (folder / images).write_bytes(encode_idx(numbers.view(np.uint8).reshape(rows, 2, 2)))
        (folder / labels).write_bytes(encode_idx((np.arange(rows) % 3).astype(np.uint8)))
    (folder / "wide").write_bytes(encode_idx(np.zeros((MANY, 2, 3), np.uint8)))
    (folder / "floats").write_bytes(encode_idx(np.zeros((MANY, 2, 2), np.float32)))
    for name, rows, longest in (("texts", MANY, 4), ("few", FEW, 9)):
        lines = [f"{'abc'[n % 3]},{' '.join(f'w{n + k}' for k in range(n % longest))}\n"
                 for n in range(rows)]  # fmt: skip
        (folder / f"{name}.csv").write_text("".join(lines))
    make(folder, IMAGE, name="pictures")
    make(folder, TEXT, name="texts")
    return folder


def make(folder: Path, recipe: str, **facts: Any) -> Path:
    """Build an artifact whose recipe differs in some facts."""
    defaults = {"classes": ["a", "b", "c"], "images": "images", "padding": "<pad>", "min_freq": 1}
    few = {"few": "few", "few_labels": "few-labels"}
    if "images" in facts:  # of another shape or dtype in every split
        few = {"few": facts["images"], "few_labels": "labels"}
    text = recipe.format(**defaults | few | facts)
    return build(parse_recipe(text, where="test"), folder, folder, rows_per_shard=1)


def pair(folder: Path, kind: str = "pictures", **options: Any) -> list[ShardDataset]:
    """The datasets `train` and `few` of a kind."""
    path = folder / ("pictures" if kind == "pictures" else "texts")
    return [shardmill.open(path, name, **KINDS[kind] | options) for name in ("train", "few")]


def rows_of(x: Any) -> list[Any]:
    """The rows of the `x` of a batch, whatever its layout."""
    if isinstance(x, Padded):
        assert x.ids.shape[1] == max(x.lengths.tolist(), default=0)
        past = torch.arange(x.ids.shape[1]) >= x.lengths[:, None]
        assert bool((x.ids[past] == 1).all())
        return [row[:n].tolist() for row, n in zip(x.ids, x.lengths, strict=True)]
    if isinstance(x, Bag):
        bounds = [*x.offsets.tolist(), len(x.ids)]
        return [x.ids[start:stop].tolist() for start, stop in pairwise(bounds)]
    assert isinstance(x, Tensor)
    return [row.tolist() for row in x.unbind()]


def same(batch: Any, other: Any) -> bool:
    """Say whether two labelled batches are of one layout and hold the same rows."""
    (x, y), (other_x, other_y) = batch, other
    types = type(x) is type(other_x) and y.dtype == other_y.dtype
    return types and rows_of(x) == rows_of(other_x) and torch.equal(y, other_y)


def orders_of(loader: DataLoader[Any]) -> list[Tensor]:
    """The row numbers of the batches of an epoch."""
    sampler: Iterable[Any] = loader.batch_sampler or ()
    return list(sampler)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mixed", [False, True])
def test_every_index_is_that_of_a_member(folder: Path, kind: str, mixed: bool) -> None:
    many, few = pair(folder, kind)
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
def test_the_loader_reads_every_row_once(folder: Path, kind: str, shuffle: Any) -> None:
    ds = shardmill.concat(pair(folder, kind))
    options: list[dict[str, Any]] = [{}, {"prefetch": 2}]
    options += [{"bucket": True}] if kind != "pictures" else [{"weights": None}]
    for option in options:
        loader = ds.loader(300, shuffle=shuffle, seed=2, **option)
        orders = orders_of(loader)
        assert torch.equal(torch.cat(orders).sort().values, torch.arange(ROWS))
        loader.set_epoch(0)
        batches = list(loader)
        assert all(same(b, ds[rows]) for b, rows in zip(batches, orders, strict=True))


def test_joined_datasets_may_be_joined(folder: Path) -> None:
    many, few = pair(folder, "bag")
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


def test_members_without_targets(folder: Path) -> None:
    bare = [shardmill.open(folder / "pictures", split) for split in ("bare", "bare-few")]
    labelled = shardmill.concat(pair(folder))
    ds = shardmill.concat(bare)
    assert torch.equal(ds[INDICES], labelled[INDICES][0])
    assert torch.equal(ds[MANY], labelled[MANY][0])
    for loader in (ds.loader(999), DataLoader(ds, batch_size=999)):
        assert torch.equal(torch.cat(list(loader)), labelled[:][0])
    with pytest.raises(AgreementError, match=r"expected no y, as.*found y int64 \[\]"):
        shardmill.concat([bare[0], pair(folder)[0]])


@pytest.mark.parametrize("kind", KINDS)
def test_members_transform_their_own_rows(folder: Path, kind: str) -> None:
    many, _ = pair(folder, kind)
    options: dict[str, Any] = {"per_row": True, "target_transform": lambda y: int(y) + 10}
    _, few = pair(folder, kind, transform=lambda x: x.flip(-1), **options)
    x, y = shardmill.concat([many, few])[INDICES]
    for row, target, at in zip(rows_of(x), y.tolist(), INDICES, strict=True):
        at %= ROWS
        plain, label = pair(folder, kind)[at >= MANY][at - MANY * (at >= MANY)]
        assert row == (plain if at < MANY else plain.flip(-1)).tolist()
        assert target == int(label) + 10 * (at >= MANY)


@pytest.mark.parametrize("kind", KINDS)
def test_batch_transforms_may_return_tensors(folder: Path, kind: str) -> None:
    def size(x: Any) -> Tensor:
        rows = [x] if isinstance(x, Tensor) and not x.is_nested and x.ndim == 1 else rows_of(x)
        return torch.tensor([[len(row), 7] for row in rows])

    ds = shardmill.concat(pair(folder, kind, transform=size))
    expected = [[len(row), 7] for row in rows_of(shardmill.concat(pair(folder, kind))[INDICES][0])]
    assert ds[INDICES][0].tolist() == expected


@pytest.mark.parametrize("kind", KINDS)
def test_transforms_of_members_return_tensors(folder: Path, kind: str) -> None:
    ds = shardmill.concat(pair(folder, kind, transform=lambda x: "text"))
    with pytest.raises(TypeError, match="transforms of joined datasets return tensors, not str"):
        ds[INDICES]


def test_members_that_disagree_are_refused(folder: Path, sample_artifacts: Path) -> None:
    pictures, texts = (pair(folder, kind)[0] for kind in ("pictures", "bag"))
    titanic = sample_artifacts / "titanic"
    no_fare, no_age = (shardmill.open(titanic, drop_features=[n]) for n in ("Fare", "Age"))
    tabular = shardmill.open(titanic)

    def other(recipe: str, name: str, **facts: Any) -> ShardDataset:
        return shardmill.open(make(folder, recipe, name=name, **facts))

    # the first member, another one, what they disagree in
    table: list[tuple[ShardDataset, ShardDataset, str]] = [
        (pictures, texts, "kind image"),
        (pictures, tabular, "kind image"),
        (pictures, other(IMAGE, "p1", classes=["a", "b", "x"]), "classes"),
        (pictures, other(IMAGE, "p2", images="wide"), "x uint8"),
        (pictures, other(IMAGE, "p3", images="floats"), "x uint8"),
        (tabular, no_age, "features"),
        (no_fare, no_age, "features"),
        (pair(folder, "padded")[0], other(TEXT, "t1", min_freq=3), "vocabulary of"),
        (texts, pair(folder, "padded")[0], "layout bag"),
        (texts, pair(folder, "jagged")[0], "layout bag"),
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


def test_members_with_other_padding_are_refused(folder: Path) -> None:
    other = shardmill.open(make(folder, TEXT, name="t2", padding="<unk>"))
    with pytest.raises(AgreementError, match="padding"):
        shardmill.concat([pair(folder, "padded")[0], other])


def test_wrong_mixtures_are_refused(folder: Path) -> None:
    many, few = pair(folder)
    for weight in (0, 0.0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=rf"pictures/few.* must be above 0, not {weight}"):
            shardmill.mix({many: 1, few: weight})
    with pytest.raises(ValueError, match="there is no dataset to join"):
        shardmill.mix({})
    with pytest.raises(ValueError, match="there is no dataset to join"):
        shardmill.concat([])
    for wrong in ({"seed": -1}, {"rows": -1}):
        with pytest.raises(ValueError, match="seed and rows are from 0 on"):
            shardmill.mix({many: 1, few: 1}, **wrong)
    for options in ({"shuffle": "blocks"}, {"weights": "balanced"}, {"weights": [1.0] * ROWS}):
        with pytest.raises(ValueError, match="leave shuffle and weights out"):
            shardmill.mix({many: 1, few: 1}).loader(9, **options)


def test_proportions_are_exact_in_every_epoch(folder: Path) -> None:
    many, few = pair(folder)
    # weights, draws of an epoch, how many of them are of the first
    table = [((3, 1), 1000, 750), ((0.1, 0.2), 1000, 333), ((1, 1), 7, 4), ((0.01, 1), 100, 1)]
    table += [((MANY, FEW), ROWS, MANY), ((5, 5), 0, 0)]
    for weights, rows, of_first in table:
        ds = shardmill.mix(dict(zip((many, few), weights, strict=True)), rows=rows)
        loader = ds.loader(64)
        for _ in range(3):
            drawn = torch.cat([torch.arange(0), *orders_of(loader)])
            assert len(drawn) == rows
            assert int((drawn < MANY).sum()) == of_first
    assert len(torch.cat(orders_of(shardmill.mix({many: 1, few: 1}).loader(64)))) == ROWS
    with pytest.raises(ValueError, match="dataset 0 of weight 1e-09 gets none of an epoch's 100"):
        shardmill.mix({many: 1e-9, few: 1}, rows=100).loader(64)


def test_mixtures_depend_on_seeds_and_epoch_alone(folder: Path) -> None:
    def order(seed: int, loader_seed: int, epoch: int) -> list[int]:
        ds = shardmill.mix(dict.fromkeys(pair(folder), 1.0), seed=seed, rows=500)
        loader = ds.loader(50, seed=loader_seed)
        loader.set_epoch(epoch)
        return [int(row) for row in torch.cat(orders_of(loader))]

    keys = list(itertools.product((0, 1), (0, 1), (0, 1, 2)))
    orders = [order(*key) for key in keys]
    assert orders == [order(*key) for key in keys]
    assert len(set(map(tuple, orders))) == len(keys)


def test_rows_of_a_mixture_come_equally_often(folder: Path) -> None:
    many, few = pair(folder)
    loader = shardmill.mix({many: 3, few: 1}, rows=1000).loader(100)
    drawn: list[int] = []
    for epoch in range(1, 8):
        drawn += [int(row) for row in torch.cat(orders_of(loader))]
        counts = np.bincount(drawn, minlength=ROWS)
        assert counts.sum() == 1000 * epoch
        assert np.ptp(counts[:MANY]) <= 1
        assert np.ptp(counts[MANY:]) <= 1
    assert counts[MANY:].min() == 1750 // FEW


@pytest.mark.parametrize("bucket", [False, 16])
def test_a_mixture_resumes_on_other_ranks(folder: Path, bucket: int) -> None:
    def loader(rank: int, world_size: int) -> Any:
        ds = shardmill.mix(dict(zip(pair(folder, "bag"), (2, 1), strict=True)), seed=4, rows=1_000)
        return ds.loader(20, rank=rank, world_size=world_size, bucket=bucket)

    everything = loader(0, 1)
    epochs = [list(iter(everything)) for _ in range(2)]
    started = [loader(rank, 2) for rank in range(2)]
    for running in map(iter, started):
        assert [len(next(running)[1]) for _ in range(5)] == [20] * 5
    states = [json.loads(json.dumps(each.state_dict())) for each in started]
    assert states[0] == states[1]
    resumed = [loader(rank, 4) for rank in range(4)]
    for each in resumed:
        each.load_state_dict(states[0])
    for begin, epoch in zip((200, 0), epochs, strict=True):
        steps = zip(*resumed, strict=True)
        rows = [row for step in steps for x, _ in step for row in rows_of(x)]
        assert rows == [row for x, _ in epoch for row in rows_of(x)][begin:]


def test_states_of_other_mixtures_are_refused(folder: Path) -> None:
    many, few = pair(folder)
    state = shardmill.mix({many: 2, few: 1}).loader(10).state_dict()
    shardmill.mix({many: 4, few: 2}).loader(99).load_state_dict(state)  # the same proportions
    others: list[Any] = [
        shardmill.mix({many: 1, few: 2}),
        shardmill.mix({few: 1, many: 2}),
        shardmill.mix({many: 2, few: 1}, seed=1),
        shardmill.mix({many: 2, few: 1}, rows=ROWS - 1),
        shardmill.mix({many: 2}),
        shardmill.concat([many, few]),
    ]
    for other in others:
        with pytest.raises(ValueError, match="this state is of another order"):
            other.loader(10).load_state_dict(state)


@pytest.mark.parametrize("kind", KINDS)
def test_other_processes_read_joined_rows(folder: Path, kind: str) -> None:
    many, few = pair(folder, kind)
    mixture = shardmill.mix({many: 1, few: 1}, rows=400)
    for ds in (shardmill.concat([many, few]), mixture):
        expected = ds[INDICES]
        sent = pickle.dumps(ds)
        assert len(sent) < 50_000
        assert same(pickle.loads(sent)[INDICES], expected)
        assert repr(pickle.loads(sent)) == repr(ds)
    batches = DataLoader(mixture, batch_size=900, num_workers=2)
    assert [row for x, _ in batches for row in rows_of(x)] == rows_of(mixture[:][0])
    own = zip(mixture.loader(100, num_workers=2), mixture.loader(100), strict=True)
    assert all(same(batch, other) for batch, other in own)
