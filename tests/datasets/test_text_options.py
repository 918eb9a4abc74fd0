"""Texts: buckets, transforms, empty shards and wrong options."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from building import build
from text_artifacts import (
    EDGES,
    LAYOUTS,
    ROWS,
    SHARD_ROWS,
    TEXT,
    check_batch,
    open_mapped,
    rows_of,
    write_raw,
)
from torch import Tensor

import shardmill
from shardmill import Bag, Padded
from shardmill.datasets.item_types import Layout
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe


@pytest.mark.parametrize("bucket", [True, 128])
def test_buckets_hold_every_row_once_and_little_padding(text_folder: Path, bucket: int) -> None:
    ds = shardmill.open(text_folder / "many" / "pad-is-1")
    padding = []
    for option in (False, bucket):
        loader = ds.loader(64, shuffle=True, seed=1, bucket=option)
        orders: list[Tensor] = list(loader.batch_sampler)  # type: ignore[arg-type]
        assert torch.equal(torch.cat(orders).sort().values, torch.arange(ROWS))
        padding.append(sum(x.ids.numel() - int(x.lengths.sum()) for x, _ in loader))
    assert padding[1] < padding[0] / 10


def test_buckets_go_by_the_lengths_after_max_tokens(text_folder: Path) -> None:
    ds = shardmill.open(text_folder / "many" / "pad-is-1", max_tokens=1)
    cut = [x.ids for x, _ in ds.loader(64, bucket=True)]
    assert sum(bool((x == 1).all()) for x in cut) > 10  # batches of empty rows and of <pad>
    mixed = sum(0 < int(x.lengths.sum()) < len(y) for x, y in ds.loader(64, bucket=True))
    assert mixed <= -(-ROWS // (64 * 64)) + 1  # one for each pool of 64 batches, and the last


def test_images_have_no_buckets(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(encode_idx(np.zeros((9, 2, 2), np.uint8)))
    text = 'name = "pictures"\nkind = "image"\n'
    text += 'splits.train = { images.path = "images", labelled = false }'
    ds = shardmill.open(build(parse_recipe(text, where="test"), tmp_path, tmp_path))
    with pytest.raises(TypeError, match="bucket sorts texts by length, and all rows"):
        ds.loader(4, bucket=True)


@pytest.mark.parametrize("spans", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_transforms_of_each_row(text_folder: Path, layout: Layout, spans: bool) -> None:
    path = text_folder / "many" / "pad-is-2"
    options: dict[str, Any] = {"transform": lambda ids: ids[1:].flip(0) + 1, "per_row": True}
    options |= {"target_transform": lambda y: int(y) + 10, "layout": layout}
    ds = open_mapped(path, spans=spans, **options)
    rows = [*EDGES, *range(0, ROWS, 97)]
    plain = [shardmill.open(path)[row] for row in rows]
    x, y = ds[rows]
    expected = [(ids[1:].flip(0) + 1).tolist() for ids, _ in plain]
    assert rows_of(x, 2) == expected
    assert y.tolist() == [int(target) + 10 for _, target in plain]
    assert [ds[row][0].tolist() for row in rows] == expected


@pytest.mark.parametrize("layout", LAYOUTS)
def test_transforms_of_each_of_no_rows(text_folder: Path, layout: Layout) -> None:
    path = text_folder / "many" / "pad-is-2"
    ds = shardmill.open(path, transform=lambda ids: ids + 1, per_row=True, layout=layout)
    assert rows_of(ds[[]][0], 2) == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_transforms_of_batches(text_folder: Path, layout: Layout) -> None:
    def count(x: Any) -> Tensor:
        seen.append(type(x))
        # One row is a vector of its ids, and a batch is as its layout has it.
        return torch.tensor([len(ids) for ids in ([x] if x_is_row(x) else rows_of(x, 0))])

    def x_is_row(x: Any) -> bool:
        return isinstance(x, Tensor) and not x.is_nested

    seen: list[type] = []
    path = text_folder / "many" / "pad-is-0"
    ds = shardmill.open(path, layout=layout, transform=count)
    lengths = shardmill.open(path)[:500][0].lengths
    assert torch.equal(ds[:500][0], lengths)
    assert [int(ds[row][0]) for row in range(20)] == lengths[:20].tolist()
    batches = [x for x, _ in ds.loader(200)]
    assert torch.equal(torch.cat(batches)[:500], lengths)
    assert issubclass(seen[-1], {"padded": Padded, "bag": Bag, "jagged": Tensor}[layout])
    assert seen[0] is seen[-1]
    assert seen[1] is Tensor


@pytest.mark.parametrize("spans", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("filled", [None, 0, 1, 2])
def test_shards_whose_rows_are_all_empty(
    tmp_path: Path, layout: Layout, spans: bool, filled: int | None
) -> None:
    rows = [["w"] if at // SHARD_ROWS == filled else [] for at in range(ROWS)]
    write_raw(tmp_path, {"train": rows, "edges": rows})
    recipe = parse_recipe(TEXT.format(name="t", specials=["<pad>", "<unk>"]), where="test")
    path = build(recipe, tmp_path, tmp_path, rows_per_shard=SHARD_ROWS)
    ds = open_mapped(path, spans=spans, layout=layout)
    assert rows_of(ds[:][0], 0) == [[2] if row else [] for row in rows]
    assert ds[5][0].tolist() == ([2] if filled == 0 else [])
    assert ds[5][0].shape == (len(rows[5]),)
    check_batch(ds, EDGES, layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_can_be_sent_to_other_processes(text_folder: Path, layout: Layout) -> None:
    ds = shardmill.open(text_folder / "many" / "pad-is-1", layout=layout)
    x, y = pickle.loads(pickle.dumps(ds[2]))
    assert (x.tolist(), int(y)) == (ds[2][0].tolist(), int(ds[2][1]))


def test_wrong_options_are_refused(text_folder: Path) -> None:
    path = text_folder / "one" / "pad-is-1"
    for wrong in ("nested", "", None):
        with pytest.raises(ValueError, match=f"one of padded, bag, jagged, not {wrong!r}"):
            shardmill.TextDataset(path, layout=wrong)  # type: ignore[call-overload]
    for most in (0, -1):
        with pytest.raises(ValueError, match=f"max_tokens must be at least 1, not {most}"):
            shardmill.open(path, max_tokens=most)
