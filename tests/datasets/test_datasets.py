"""Laws of the readers: any way of cutting, mapping, asking or sending gives the same rows."""

import multiprocessing
import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cut_artifacts import ROWS, equal, open_text
from hypothesis import given, settings, strategies as st
from torch import Tensor
from torch.utils.data import DataLoader

import shardmill
from shardmill import Bag, Padded, ShardDataset
from shardmill.datasets.gather import mapped_split, tensor_rows as column
from shardmill.datasets.gather.collate import Row
from shardmill.datasets.gather.split_reader import SplitReader
from shardmill.datasets.gather.tensor_rows import open_column


def reader_of(ds: ShardDataset) -> SplitReader:
    assert isinstance(ds.reader, SplitReader)
    return ds.reader


def test_any_number_of_shards_gives_the_same_dataset(cut_folder: Path) -> None:
    for name in ("pictures", "texts"):
        one = shardmill.open(cut_folder / "one" / name)
        many = shardmill.open(cut_folder / "many" / name)
        shards = [len(ds.manifest.splits["train"].shards) for ds in (one, many)]
        assert shards[0] < shards[1]
        assert equal(one[:], many[:])
        rows = torch.randperm(ROWS, generator=torch.Generator().manual_seed(1))[:5_000]
        assert equal(one[rows], many[rows])


def test_rows_are_those_of_the_raw_file(cut_folder: Path, cut_raw: Path) -> None:
    images = np.frombuffer((cut_raw / "images").read_bytes()[16:], np.uint8).reshape(ROWS, 1, 3, 2)
    x, y = shardmill.open(cut_folder / "many" / "pictures")[:]
    assert x.shape == (ROWS, 1, 3, 2)
    assert x.dtype == torch.uint8
    assert np.array_equal(x.numpy(), images)
    assert torch.equal(y, torch.arange(ROWS) % 3)


@pytest.mark.parametrize(
    ("name", "options"),
    [("pictures", {}), ("texts", {"layout": "padded"}), ("texts", {"layout": "bag"})],
)
def test_shard_by_shard_reading_gives_the_same(
    cut_folder: Path, name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = shardmill.open(cut_folder / "many" / name, **options)
    rows = [*range(0, ROWS, 7), -1, 5, 5]
    expected = spans[rows]
    assert isinstance(open_column(reader_of(spans)._split, "x"), column.SpanColumn)
    monkeypatch.setattr(mapped_split, "can_map_spans", lambda: False)
    fallback = shardmill.open(cut_folder / "many" / name, **options)
    assert equal(fallback[rows], expected)
    assert isinstance(open_column(reader_of(fallback)._split, "x"), column.SlotColumn)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.integers(-ROWS, ROWS - 1), max_size=40),
    layout=st.sampled_from(["padded", "bag"]),
)
def test_a_batch_is_its_rows(cut_folder: Path, rows: list[int], layout: str) -> None:
    ds = open_text(cut_folder / "many", layout=layout)
    x, y = ds[rows]
    one_by_one = [ds[row] for row in rows]
    assert y.tolist() == [int(row[1]) for row in one_by_one]
    ids = [row[0].tolist() for row in one_by_one]
    if isinstance(x, Bag):
        bounds = [*x.offsets.tolist(), len(x.ids)]
        assert [x.ids[a:b].tolist() for a, b in pairwise(bounds)] == ids
    else:
        assert isinstance(x, Padded)
        assert [r[:n].tolist() for r, n in zip(x.ids, x.lengths, strict=True)] == ids
        assert x.ids.shape == (len(rows), max(map(len, ids), default=0))
        padding = torch.arange(x.ids.shape[1]) >= x.lengths[:, None]
        assert (x.ids[padding] == 1).all()


def test_ways_to_ask_for_rows(cut_folder: Path) -> None:
    ds = shardmill.open(cut_folder / "one" / "pictures")
    everything = ds[:]
    mask = torch.arange(ROWS) % 1000 == 0
    # index, the rows that it means
    table: list[tuple[Any, list[int]]] = [
        (slice(3, 6), [3, 4, 5]),
        (slice(None, None, -5000), [19999, 14999, 9999, 4999]),
        ([1, 1, -1], [1, 1, ROWS - 1]),
        (np.array([4, 2]), [4, 2]),
        (torch.tensor([7], dtype=torch.int32), [7]),
        (mask, list(range(0, ROWS, 1000))),
        ([], []),
    ]
    for index, rows in table:
        assert equal(ds[index], (everything[0][rows], everything[1][rows]))
    assert equal(ds[-1], Row((everything[0][-1], everything[1][-1])))
    for wrong in (ROWS, -ROWS - 1, [0, ROWS]):
        with pytest.raises(IndexError, match=f"of {ROWS:,} in ImageDataset"):
            ds[wrong]
    with pytest.raises(TypeError, match="rows are integers"):
        ds[1.5]  # type: ignore[call-overload]


def test_what_leaves_the_reader_is_a_copy(cut_folder: Path) -> None:
    ds = shardmill.open(cut_folder / "many" / "pictures")
    before = ds[:10]
    x, y = ds[:10]
    x.fill_(9)
    y.fill_(9)
    ds[3][0].fill_(7)
    assert equal(ds[:10], before)


def test_a_split_without_target_gives_x_alone(cut_folder: Path) -> None:
    bare = shardmill.open(cut_folder / "many" / "pictures", "bare")
    labelled = shardmill.open(cut_folder / "many" / "pictures")
    assert not bare.labelled
    assert torch.equal(bare[5], labelled[5][0])
    assert torch.equal(bare[:9], labelled[:9][0])
    batches = list(DataLoader(bare, batch_size=4096))
    assert torch.equal(torch.cat(batches), labelled[:][0])


def test_transforms_see_what_is_returned(cut_folder: Path) -> None:
    def double(x: Tensor) -> Tensor:
        seen.append(tuple(x.shape))
        return x.float() * 2

    seen: list[tuple[int, ...]] = []
    path = cut_folder / "one" / "pictures"
    plain = shardmill.open(path)
    ds = shardmill.open(path, transform=double, target_transform=lambda y: y + 1)
    rows = shardmill.open(path, transform=double, target_transform=lambda y: y + 1, per_row=True)
    assert equal(ds[:4], (plain[:4][0].float() * 2, plain[:4][1] + 1))
    assert equal(ds[1], (plain[1][0].float() * 2, plain[1][1] + 1))
    assert equal(rows[:2], ds[:2])
    assert seen == [(4, 1, 3, 2), (1, 3, 2), (1, 3, 2), (1, 3, 2), (2, 1, 3, 2)]


def test_per_row_transform_of_texts(cut_folder: Path) -> None:
    ds = open_text(cut_folder / "one", transform=lambda ids: ids[:2], per_row=True)
    x, _ = ds[:50]
    assert x.ids.shape == (50, 2)
    assert int(x.lengths.max()) == 2


def _first_rows(ds: ShardDataset) -> tuple[Any, list[int]]:
    x, y = ds[:100]
    return x, y.tolist()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_every_kind_read_the_same(cut_folder: Path, method: str) -> None:
    ds = shardmill.open(cut_folder / "many" / "pictures")
    expected = _first_rows(ds)  # mapped here before the other process starts
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert equal(pool.apply(_first_rows, (ds,))[0], expected[0])


def test_pickles_hold_paths_not_rows(cut_folder: Path) -> None:
    ds = open_text(cut_folder / "many")
    expected = ds[:10]
    sent = pickle.dumps(ds)
    assert len(sent) < 50_000
    assert equal(pickle.loads(sent)[:10], expected)
