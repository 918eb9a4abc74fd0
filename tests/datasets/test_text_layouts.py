"""Texts in every layout are the rows of the raw file, however they are cut, mapped or asked for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from text_artifacts import (
    EDGES,
    LAYOUTS,
    LONGEST,
    ROWS,
    SHARD_ROWS,
    SPECIALS,
    Words,
    check_batch,
    open_mapped,
    padding_id_of,
    rows_of,
)
from torch import Tensor
from torch.utils.data import DataLoader

import shardmill
from shardmill import ShardDataset
from shardmill.datasets.item_types import Layout

SPECIALS |= {"pad-is-2": ["<unk>", "<start>", "<pad>"]}


def ids_of(ds: ShardDataset, rows: Sequence[Sequence[str]], most: int | None) -> list[list[int]]:
    """The ids that the tokens of rows have by their places in the vocabulary file."""
    assert ds.manifest.vocabulary is not None
    assert ds.manifest.vocabulary.vocab is not None
    tokens = (ds.path / ds.manifest.vocabulary.vocab.path).read_text().splitlines()
    number = {token: at for at, token in enumerate(tokens)}
    return [[number[token] for token in row[:most]] for row in rows]


@pytest.mark.parametrize("spans", [True, False])
@pytest.mark.parametrize("split", ["train", "edges"])
@pytest.mark.parametrize(
    ("name", "most"),
    [("pad-is-0", None), ("pad-is-1", 1), ("pad-is-2", None), ("pad-is-1", 3), ("pad-is-0", 41)],
)
def test_all_layouts_hold_the_tokens_of_the_raw_file(
    text_folder: Path, text_words: Words, name: str, split: str, spans: bool, most: int | None
) -> None:
    for cut in ("one", "many"):
        for layout in LAYOUTS:
            options = {"layout": layout, "max_tokens": most}
            ds = open_mapped(text_folder / cut / name, split, spans=spans, **options)
            assert len(ds.manifest.splits[split].shards) == {"one": 1, "many": 3}[cut]
            assert padding_id_of(ds) == SPECIALS[name].index("<pad>") == int(name[-1])
            expected = ids_of(ds, text_words[split], most)
            assert sum(padding_id_of(ds) in row for row in expected) > 100  # ids like any other
            assert rows_of(ds[:][0], padding_id_of(ds)) == expected
            for row in (*EDGES, *range(2, ROWS, 499), -1):
                assert ds[row][0].tolist() == expected[row]
                assert ds[row][0].dtype == torch.int32


@pytest.mark.parametrize("spans", [True, False])
@pytest.mark.parametrize("cut", ["one", "many"])
@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.integers(-ROWS, ROWS - 1) | st.sampled_from(EDGES), max_size=20),
    name=st.sampled_from([*SPECIALS]),
    split=st.sampled_from(["train", "edges"]),
    layout=st.sampled_from(LAYOUTS),
    most=st.sampled_from([None, 1, 3, LONGEST + 1]),
)
def test_a_batch_of_any_rows_is_its_rows(
    text_folder: Path,
    cut: str,
    spans: bool,
    rows: list[int],
    name: str,
    split: str,
    layout: Layout,
    most: int | None,
) -> None:
    options = {"layout": layout, "max_tokens": most}
    ds = open_mapped(text_folder / cut / name, split, spans=spans, **options)
    check_batch(ds, rows, layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "options", [{}, {"prefetch": 3}, {"num_workers": 1}, {"bucket": True}, {"bucket": 50}]
)
def test_the_loader_gives_the_batches_of_its_rows(
    text_folder: Path, layout: Layout, options: dict[str, Any]
) -> None:
    ds = shardmill.open(text_folder / "many" / "pad-is-2", layout=layout)
    loader = ds.loader(700, shuffle=True, seed=5, **options)
    orders: list[Tensor] = list(loader.batch_sampler)  # type: ignore[arg-type]
    assert torch.equal(torch.cat(orders).sort().values, torch.arange(ROWS))
    loader.set_epoch(0)
    batches = list(loader)
    assert len(batches) == len(orders) == 13
    for (x, y), rows in zip(batches, orders, strict=True):
        assert rows_of(x, 2) == rows_of(ds[rows][0], 2)
        assert torch.equal(y, ds[rows][1])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_split_without_target_gives_texts_alone(text_folder: Path, layout: Layout) -> None:
    path = text_folder / "many" / "pad-is-1"
    bare = shardmill.open(path, "bare", layout=layout)
    labelled = shardmill.open(path, "edges", layout=layout)
    expected = rows_of(labelled[:][0], 1)
    assert rows_of(bare[:], 1) == expected
    assert bare[SHARD_ROWS].tolist() == expected[SHARD_ROWS]
    assert [bare[row].tolist() for row in EDGES] == [expected[row] for row in EDGES]
    assert [row for x in bare.loader(3_000) for row in rows_of(x, 1)] == expected


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_plain_data_loader_gives_texts_without_target(text_folder: Path, layout: Layout) -> None:
    ds = shardmill.open(text_folder / "many" / "pad-is-1", "bare", layout=layout)
    first = next(iter(DataLoader(ds, batch_size=100)))
    assert rows_of(first, 1) == rows_of(ds[:100], 1)
