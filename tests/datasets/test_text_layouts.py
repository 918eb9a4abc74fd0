"""Texts in every layout are the rows of the raw file, however they are cut, mapped or asked for."""

import pickle
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from building import build
from hypothesis import given, settings, strategies as st
from torch import Tensor
from torch.utils.data import DataLoader

import shardmill
from shardmill import Bag, Padded, ShardDataset
from shardmill.datasets.gather.split_reader import SplitReader
from shardmill.datasets.item_types import Layout
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe

SHARD_ROWS = 4_096  # the fewest that alignment allows for texts with labels
ROWS = 2 * SHARD_ROWS + 900
LONGEST = 40
EDGES = [0, SHARD_ROWS - 1, SHARD_ROWS, 2 * SHARD_ROWS - 1, 2 * SHARD_ROWS, ROWS - 1]
LAYOUTS: list[Layout] = ["padded", "bag", "jagged"]
# Artifact -> its special tokens; the padding id is the place of <pad> among them.
SPECIALS = {"pad-is-0": ["<pad>", "<unk>"], "pad-is-1": ["<unk>", "<pad>"]}
SPECIALS |= {"pad-is-2": ["<unk>", "<start>", "<pad>"]}

TEXT = """
name = "{name}"
kind = "text"
csv = {{ header = false }}
text = {{ columns = ["label", "text"], join = ["text"], tokenizer = "whitespace" }}
target = {{ column = "label", classes = ["no", "yes"] }}
vocabulary = {{ specials = {specials}, unknown = "<unk>", padding = "<pad>" }}
[splits]
train.csv.path = "train.csv"
edges.csv.path = "edges.csv"
bare = {{ csv = {{ path = "bare.csv" }}, labelled = false }}
"""

Words = dict[str, list[list[str]]]


@pytest.fixture(scope="module")
def words() -> Words:
    """The tokens of each row: in `train` the rows at the shards' borders are empty."""
    rng = np.random.default_rng(0)
    few, many = rng.integers(0, 4, ROWS), rng.integers(0, LONGEST + 1, ROWS)
    lengths = {"train": np.where(rng.random(ROWS) < 0.1, many, few), "edges": few.copy()}
    lengths["train"][EDGES] = 0
    lengths["edges"][EDGES] = LONGEST
    # <pad> and <unk> stand in the texts themselves too.
    tokens = np.array(["<pad>", "<unk>", *(f"w{n}" for n in range(30))])
    return {
        split: [tokens[rng.integers(0, len(tokens), n)].tolist() for n in sizes]
        for split, sizes in lengths.items()
    }


def write_raw(folder: Path, words: Words) -> None:
    """Write the raw file of each split; `bare` has the texts of `edges` and no labels."""
    for split, rows in words.items():
        lines = [f"{('no', 'yes')[at % 2]},{' '.join(row)}\n" for at, row in enumerate(rows)]
        (folder / f"{split}.csv").write_text("".join(lines))
    bare = [f'"{" ".join(row)}"\n' for row in words["edges"]]
    (folder / "bare.csv").write_text("".join(bare))


@pytest.fixture(scope="module")
def artifacts(words: Words, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`one` holds each split in one shard, `many` in three."""
    folder = tmp_path_factory.mktemp("texts")
    write_raw(folder, words)
    for name, specials in SPECIALS.items():
        recipe = parse_recipe(TEXT.format(name=name, specials=specials), where="test")
        build(recipe, folder, folder / "one", rows_per_shard=ROWS)
        build(recipe, folder, folder / "many", rows_per_shard=1)
    return folder


def open_mapped(path: Path, split: str = "train", *, spans: bool, **options: Any) -> ShardDataset:
    """Open a dataset of which all shards are mapped side by side, or each one by itself."""
    ds: ShardDataset = shardmill.open(path, split, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shardmill.datasets.gather.mapped_split.can_map_spans", lambda: spans)
        assert isinstance(ds.reader, SplitReader)
    assert ds._mapped.in_spans == spans
    return ds


def rows_of(x: Any, padding_id: int) -> list[list[int]]:
    """The ids of each row of a batch, whose layout keeps its promises."""
    if isinstance(x, Padded):
        rows = [row[:n].tolist() for row, n in zip(x.ids, x.lengths, strict=True)]
        assert x.lengths.dtype == torch.int64
        assert x.ids.shape == (len(rows), max(map(len, rows), default=0))
        past = torch.arange(x.ids.shape[1]) >= x.lengths[:, None]
        assert bool((x.ids[past] == padding_id).all())
        assert x.ids.dtype == torch.int32
        return rows
    if isinstance(x, Bag):
        ids, bounds = x.ids, [*x.offsets.tolist(), len(x.ids)]
        assert x.offsets.dtype == torch.int64
        assert x.offsets.shape == (len(bounds) - 1,)
    else:
        assert x.is_nested
        assert x.layout == torch.jagged
        ids, bounds = x.values(), x.offsets().tolist()
        assert x.size(0) == len(bounds) - 1
        assert bounds[-1] == len(ids)
    assert bounds[0] == 0
    assert ids.dtype == torch.int32
    return [ids[start:stop].tolist() for start, stop in pairwise(bounds)]


def check_batch(ds: ShardDataset, rows: Sequence[int], layout: Layout) -> None:
    """Batch `rows` is of `layout`, and what the rows are one by one."""
    x, y = ds[rows]
    assert isinstance(x, {"padded": Padded, "bag": Bag, "jagged": Tensor}[layout])
    one_by_one = [ds[row] for row in rows]
    assert rows_of(x, padding_id_of(ds)) == [ids.tolist() for ids, _ in one_by_one]
    assert y.tolist() == [int(target) for _, target in one_by_one]
    assert y.dtype == torch.int64


def padding_id_of(ds: ShardDataset) -> int:
    assert ds.manifest.vocabulary is not None
    return ds.manifest.vocabulary.padding_id


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
    artifacts: Path, words: Words, name: str, split: str, spans: bool, most: int | None
) -> None:
    for cut in ("one", "many"):
        for layout in LAYOUTS:
            options = {"layout": layout, "max_tokens": most}
            ds = open_mapped(artifacts / cut / name, split, spans=spans, **options)
            assert len(ds.manifest.splits[split].shards) == {"one": 1, "many": 3}[cut]
            assert padding_id_of(ds) == SPECIALS[name].index("<pad>") == int(name[-1])
            expected = ids_of(ds, words[split], most)
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
    artifacts: Path,
    cut: str,
    spans: bool,
    rows: list[int],
    name: str,
    split: str,
    layout: Layout,
    most: int | None,
) -> None:
    options = {"layout": layout, "max_tokens": most}
    ds = open_mapped(artifacts / cut / name, split, spans=spans, **options)
    check_batch(ds, rows, layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "options", [{}, {"prefetch": 3}, {"num_workers": 1}, {"bucket": True}, {"bucket": 50}]
)
def test_the_loader_gives_the_batches_of_its_rows(
    artifacts: Path, layout: Layout, options: dict[str, Any]
) -> None:
    ds = shardmill.open(artifacts / "many" / "pad-is-2", layout=layout)
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
def test_a_split_without_target_gives_texts_alone(artifacts: Path, layout: Layout) -> None:
    path = artifacts / "many" / "pad-is-1"
    bare = shardmill.open(path, "bare", layout=layout)
    labelled = shardmill.open(path, "edges", layout=layout)
    expected = rows_of(labelled[:][0], 1)
    assert rows_of(bare[:], 1) == expected
    assert bare[SHARD_ROWS].tolist() == expected[SHARD_ROWS]
    assert [bare[row].tolist() for row in EDGES] == [expected[row] for row in EDGES]
    assert [row for x in bare.loader(3_000) for row in rows_of(x, 1)] == expected


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_plain_data_loader_gives_texts_without_target(artifacts: Path, layout: Layout) -> None:
    ds = shardmill.open(artifacts / "many" / "pad-is-1", "bare", layout=layout)
    first = next(iter(DataLoader(ds, batch_size=100)))
    assert rows_of(first, 1) == rows_of(ds[:100], 1)


@pytest.mark.parametrize("bucket", [True, 128])
def test_buckets_hold_every_row_once_and_little_padding(artifacts: Path, bucket: int) -> None:
    ds = shardmill.open(artifacts / "many" / "pad-is-1")
    padding = []
    for option in (False, bucket):
        loader = ds.loader(64, shuffle=True, seed=1, bucket=option)
        orders: list[Tensor] = list(loader.batch_sampler)  # type: ignore[arg-type]
        assert torch.equal(torch.cat(orders).sort().values, torch.arange(ROWS))
        padding.append(sum(x.ids.numel() - int(x.lengths.sum()) for x, _ in loader))
    assert padding[1] < padding[0] / 10


def test_buckets_go_by_the_lengths_after_max_tokens(artifacts: Path) -> None:
    ds = shardmill.open(artifacts / "many" / "pad-is-1", max_tokens=1)
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
def test_transforms_of_each_row(artifacts: Path, layout: Layout, spans: bool) -> None:
    path = artifacts / "many" / "pad-is-2"
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
def test_transforms_of_each_of_no_rows(artifacts: Path, layout: Layout) -> None:
    path = artifacts / "many" / "pad-is-2"
    ds = shardmill.open(path, transform=lambda ids: ids + 1, per_row=True, layout=layout)
    assert rows_of(ds[[]][0], 2) == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_transforms_of_batches(artifacts: Path, layout: Layout) -> None:
    def count(x: Any) -> Tensor:
        seen.append(type(x))
        # One row is a vector of its ids, and a batch is as its layout has it.
        return torch.tensor([len(ids) for ids in ([x] if x_is_row(x) else rows_of(x, 0))])

    def x_is_row(x: Any) -> bool:
        return isinstance(x, Tensor) and not x.is_nested

    seen: list[type] = []
    path = artifacts / "many" / "pad-is-0"
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
def test_rows_can_be_sent_to_other_processes(artifacts: Path, layout: Layout) -> None:
    ds = shardmill.open(artifacts / "many" / "pad-is-1", layout=layout)
    x, y = pickle.loads(pickle.dumps(ds[2]))
    assert (x.tolist(), int(y)) == (ds[2][0].tolist(), int(ds[2][1]))


def test_wrong_options_are_refused(artifacts: Path) -> None:
    path = artifacts / "one" / "pad-is-1"
    for wrong in ("nested", "", None):
        with pytest.raises(ValueError, match=f"one of padded, bag, jagged, not {wrong!r}"):
            shardmill.TextDataset(path, layout=wrong)  # type: ignore[call-overload]
    for most in (0, -1):
        with pytest.raises(ValueError, match=f"max_tokens must be at least 1, not {most}"):
            shardmill.open(path, max_tokens=most)
