"""Laws of the readers: any way of cutting, mapping, asking or sending gives the same rows."""

import gc
import multiprocessing
import pickle
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from building import build
from hypothesis import given, settings, strategies as st
from torch import Tensor
from torch.utils.data import DataLoader, Subset

import shardmill
from shardmill import Bag, Padded, ShardDataset
from shardmill.datasets.gather import mapped_split, tensor_rows as column
from shardmill.datasets.gather.collate import Row
from shardmill.datasets.gather.split_reader import SplitReader
from shardmill.datasets.gather.tensor_rows import open_column
from shardmill.errors import (
    DamagedFileError,
    KindError,
    ManifestError,
    MissingArtifactError,
    UnknownSplitError,
)
from shardmill.format.manifest import MANIFEST_NAME
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe

ROWS = 20_000

IMAGE = """
name = "pictures"
kind = "image"
[target]
classes = ["a", "b", "c"]
[splits.train]
images = { path = "images" }
labels = { path = "labels" }
[splits.bare]
images = { path = "images" }
labelled = false
"""

TEXT = """
name = "texts"
kind = "text"
csv = { header = false }
text = { columns = ["label", "text"], join = ["text"], tokenizer = "whitespace" }
target = { column = "label", classes = ["no", "yes"] }
splits.train.csv.path = "texts.csv"
"""


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (ROWS, 3, 2), dtype=np.uint8)
    (folder / "images").write_bytes(encode_idx(images))
    (folder / "labels").write_bytes(encode_idx(np.arange(ROWS, dtype=np.int32) % 3))
    lengths = rng.integers(0, 9, ROWS)
    words = [" ".join(f"w{(row * 7 + k) % 50}" for k in range(n)) for row, n in enumerate(lengths)]
    lines = [f"{('no', 'yes')[row % 2]},{text}\n" for row, text in enumerate(words)]
    (folder / "texts.csv").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def artifacts(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`one` holds each split in one shard, `many` in several."""
    folder = tmp_path_factory.mktemp("artifacts")
    for text in (IMAGE, TEXT):
        recipe = parse_recipe(text, where="test")
        build(recipe, raw, folder / "one", rows_per_shard=ROWS)
        build(recipe, raw, folder / "many", rows_per_shard=1)
    return folder


def equal(a: Any, b: Any) -> bool:
    """Say whether two batches hold the same tensors."""
    if isinstance(a, Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    return len(a) == len(b) and all(map(equal, a, b))


def open_text(path: Path, **options: Any) -> ShardDataset:
    ds: ShardDataset = shardmill.open(path / "texts", **options)
    return ds


def reader_of(ds: ShardDataset) -> SplitReader:
    assert isinstance(ds.reader, SplitReader)
    return ds.reader


def test_any_number_of_shards_gives_the_same_dataset(artifacts: Path) -> None:
    for name in ("pictures", "texts"):
        one = shardmill.open(artifacts / "one" / name)
        many = shardmill.open(artifacts / "many" / name)
        shards = [len(ds.manifest.splits["train"].shards) for ds in (one, many)]
        assert shards[0] < shards[1]
        assert equal(one[:], many[:])
        rows = torch.randperm(ROWS, generator=torch.Generator().manual_seed(1))[:5_000]
        assert equal(one[rows], many[rows])


def test_rows_are_those_of_the_raw_file(artifacts: Path, raw: Path) -> None:
    images = np.frombuffer((raw / "images").read_bytes()[16:], np.uint8).reshape(ROWS, 1, 3, 2)
    x, y = shardmill.open(artifacts / "many" / "pictures")[:]
    assert x.shape == (ROWS, 1, 3, 2)
    assert x.dtype == torch.uint8
    assert np.array_equal(x.numpy(), images)
    assert torch.equal(y, torch.arange(ROWS) % 3)


@pytest.mark.parametrize(
    ("name", "options"),
    [("pictures", {}), ("texts", {"layout": "padded"}), ("texts", {"layout": "bag"})],
)
def test_shard_by_shard_reading_gives_the_same(
    artifacts: Path, name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = shardmill.open(artifacts / "many" / name, **options)
    rows = [*range(0, ROWS, 7), -1, 5, 5]
    expected = spans[rows]
    assert isinstance(open_column(reader_of(spans)._split, "x"), column.SpanColumn)
    monkeypatch.setattr(mapped_split, "can_map_spans", lambda: False)
    fallback = shardmill.open(artifacts / "many" / name, **options)
    assert equal(fallback[rows], expected)
    assert isinstance(open_column(reader_of(fallback)._split, "x"), column.ShardColumn)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.integers(-ROWS, ROWS - 1), max_size=40),
    layout=st.sampled_from(["padded", "bag"]),
)
def test_a_batch_is_its_rows(artifacts: Path, rows: list[int], layout: str) -> None:
    ds = open_text(artifacts / "many", layout=layout)
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


def test_ways_to_ask_for_rows(artifacts: Path) -> None:
    ds = shardmill.open(artifacts / "one" / "pictures")
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


def test_what_leaves_the_reader_is_a_copy(artifacts: Path) -> None:
    ds = shardmill.open(artifacts / "many" / "pictures")
    before = ds[:10]
    x, y = ds[:10]
    x.fill_(9)
    y.fill_(9)
    ds[3][0].fill_(7)
    assert equal(ds[:10], before)


def test_a_split_without_target_gives_x_alone(artifacts: Path) -> None:
    bare = shardmill.open(artifacts / "many" / "pictures", "bare")
    labelled = shardmill.open(artifacts / "many" / "pictures")
    assert not bare.labelled
    assert torch.equal(bare[5], labelled[5][0])
    assert torch.equal(bare[:9], labelled[:9][0])
    batches = list(DataLoader(bare, batch_size=4096))
    assert torch.equal(torch.cat(batches), labelled[:][0])


def test_transforms_see_what_is_returned(artifacts: Path) -> None:
    def double(x: Tensor) -> Tensor:
        seen.append(tuple(x.shape))
        return x.float() * 2

    seen: list[tuple[int, ...]] = []
    path = artifacts / "one" / "pictures"
    plain = shardmill.open(path)
    ds = shardmill.open(path, transform=double, target_transform=lambda y: y + 1)
    rows = shardmill.open(path, transform=double, target_transform=lambda y: y + 1, per_row=True)
    assert equal(ds[:4], (plain[:4][0].float() * 2, plain[:4][1] + 1))
    assert equal(ds[1], (plain[1][0].float() * 2, plain[1][1] + 1))
    assert equal(rows[:2], ds[:2])
    assert seen == [(4, 1, 3, 2), (1, 3, 2), (1, 3, 2), (1, 3, 2), (2, 1, 3, 2)]


def test_per_row_transform_of_texts(artifacts: Path) -> None:
    ds = open_text(artifacts / "one", transform=lambda ids: ids[:2], per_row=True)
    x, _ = ds[:50]
    assert x.ids.shape == (50, 2)
    assert int(x.lengths.max()) == 2


def _first_rows(ds: ShardDataset) -> tuple[Any, list[int]]:
    x, y = ds[:100]
    return x, y.tolist()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_every_kind_read_the_same(artifacts: Path, method: str) -> None:
    ds = shardmill.open(artifacts / "many" / "pictures")
    expected = _first_rows(ds)  # mapped here before the other process starts
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert equal(pool.apply(_first_rows, (ds,))[0], expected[0])


def test_pickles_hold_paths_not_rows(artifacts: Path) -> None:
    ds = open_text(artifacts / "many")
    expected = ds[:10]
    sent = pickle.dumps(ds)
    assert len(sent) < 50_000
    assert equal(pickle.loads(sent)[:10], expected)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_plain_data_loader_gives_whole_batches(artifacts: Path, workers: int) -> None:
    ds = shardmill.open(artifacts / "many" / "pictures")
    batches = list(DataLoader(ds, batch_size=4_000, num_workers=workers))
    assert equal((torch.cat([b[0] for b in batches]), torch.cat([b[1] for b in batches])), ds[:])
    subset = Subset(ds, [5, 3, 8])
    assert equal(next(iter(DataLoader(subset, batch_size=3))), ds[[5, 3, 8]])


def test_a_collate_function_of_ones_own_sees_rows(artifacts: Path) -> None:
    ds = open_text(artifacts / "one")

    def longest(rows: Any) -> int:
        assert len(rows) == 8
        return max(len(ids) for ids, _ in rows)

    lengths = list(DataLoader(ds, batch_size=8, collate_fn=longest))
    assert lengths[0] == int(ds[:8][0].lengths.max())


@pytest.mark.parametrize("shuffle", [False, True])
def test_the_loader_gives_each_row_once_an_epoch(artifacts: Path, shuffle: bool) -> None:
    ds = shardmill.open(artifacts / "many" / "pictures", transform=lambda x: x)
    loader = ds.loader(999, shuffle=shuffle, seed=3)
    assert isinstance(loader, DataLoader)
    order: Any = loader.batch_sampler
    epochs: list[Any] = [list(order) for _ in range(2)]
    assert [len(batch) for batch in epochs[0]] == [999] * 20 + [20]
    for epoch in epochs:
        assert torch.equal(torch.cat(epoch).sort().values, torch.arange(ROWS))
    assert equal(epochs[0], epochs[1]) != shuffle
    assert sum(len(y) for _, y in loader) == ROWS


def test_the_order_depends_on_seed_and_epoch_alone(artifacts: Path) -> None:
    ds = open_text(artifacts / "one")

    def order(seed: int, epoch: int) -> Any:
        sampler: Any = ds.loader(100, shuffle=True, seed=seed).batch_sampler
        sampler.set_epoch(epoch)
        return list(sampler)

    assert equal(order(1, 4), order(1, 4))
    assert not equal(order(1, 4), order(2, 4))
    assert not equal(order(1, 4), order(1, 5))
    running: Any = ds.loader(100, shuffle=True, seed=1).batch_sampler
    assert equal([list(running) for _ in range(5)][4], order(1, 4))


def test_drop_last_and_wrong_sizes(artifacts: Path) -> None:
    ds = open_text(artifacts / "one")
    loader = ds.loader(999, drop_last=True)
    assert len(loader) == 20
    assert {len(y) for _, y in loader} == {999}
    with pytest.raises(ValueError, match="batch_size must be at least 1, not 0"):
        ds.loader(0)


def test_repr_says_what_it_is(sample_artifacts: Path) -> None:
    assert repr(shardmill.open(sample_artifacts / "titanic")) == (
        "TabularDataset(titanic/train: 799 rows, x float32 [7], y int64 [], 2 classes, sample data)"
    )


def test_names_for_the_shipped_recipes(sample_artifacts: Path) -> None:
    titanic = shardmill.TitanicDataset(sample_artifacts / "titanic")
    assert titanic.encoder == {"Dead": 0, "Survived": 1}
    assert titanic.decoder == {0: "Dead", 1: "Survived"}
    assert titanic.categories["Sex"] == {"male": 0, "female": 1}
    assert shardmill.MNISTDataset(sample_artifacts / "mnist").classes == tuple("0123456789")
    news = shardmill.AGNewsDataset(sample_artifacts / "ag_news", "test")
    assert news.vocab(["<unk>", "<pad>", "a-token-that-is-not-there"]) == [0, 1, 0]


def test_dropped_features(sample_artifacts: Path) -> None:
    path = sample_artifacts / "titanic"
    everything = shardmill.TitanicDataset(path)
    some = shardmill.TitanicDataset(path, drop_features=["Age", "Fare"])
    assert some.features == ("Pclass", "Sex", "SibSp", "Parch", "Embarked")
    kept = [everything.features.index(name) for name in some.features]
    assert torch.equal(some[:][0], everything[:][0][:, kept])
    assert torch.equal(some[3][0], everything[3][0][kept])
    with pytest.raises(ValueError, match="no feature 'Far' to drop; did you mean Fare"):
        shardmill.TitanicDataset(path, drop_features=["Far"])
    with pytest.raises(ValueError, match=r"no feature of .* is left"):
        shardmill.TitanicDataset(path, drop_features=everything.features)


def test_what_cannot_be_opened(artifacts: Path, tmp_path: Path) -> None:
    path = artifacts / "one" / "texts"
    with pytest.raises(UnknownSplitError, match=r"one of train, found 'trian'; did you mean train"):
        shardmill.open(path, "trian")
    with pytest.raises(KindError, match="expected an artifact of kind image, found kind text"):
        shardmill.ImageDataset(path)
    with pytest.raises(MissingArtifactError, match="build it with `shardmill preprocess`"):
        shardmill.open(tmp_path)
    with pytest.raises(ValueError, match="layout is one of padded, bag, jagged, not 'bags'"):
        shardmill.open(path, layout="bags")  # type: ignore[call-overload]


def damaged_copy(artifacts: Path, to: Path) -> tuple[Path, Path]:
    copy = to / "pictures"
    shutil.copytree(artifacts / "many" / "pictures", copy)
    return copy, next(copy.glob("*/train-00001.safetensors"))


@pytest.mark.parametrize("spans", [True, False])
def test_files_of_another_size_are_refused_before_they_are_mapped(
    artifacts: Path, tmp_path: Path, spans: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped_split, "can_map_spans", lambda: spans)
    copy, shard = damaged_copy(artifacts, tmp_path)
    content = shard.read_bytes()
    shard.write_bytes(content[:-1])
    with pytest.raises(DamagedFileError, match=r"train-00001\.safetensors: expected a shard of"):
        shardmill.open(copy)[0]
    shard.unlink()
    with pytest.raises(DamagedFileError, match="No such file"):
        shardmill.open(copy)[0]


def test_a_manifest_that_promises_more_rows_than_the_file_has(
    artifacts: Path, tmp_path: Path
) -> None:
    copy, _ = damaged_copy(artifacts, tmp_path)
    manifest = copy / MANIFEST_NAME
    text = manifest.read_text()
    rows = shardmill.Manifest.load(copy).splits["train"].shards[-1].rows
    text = text.replace(f'"rows": {rows},', f'"rows": {rows + 1},').replace(
        f'"rows": {ROWS},', f'"rows": {ROWS + 1},'
    )
    manifest.write_text(text)
    with pytest.raises(ManifestError, match=rf"bytes for {rows + 1:,} rows"):
        shardmill.open(copy)[0]


def test_maps_outlive_a_rebuild(artifacts: Path, raw: Path, tmp_path: Path) -> None:
    recipe = parse_recipe(IMAGE, where="test")
    path = build(recipe, raw, tmp_path, rows_per_shard=ROWS)
    ds = shardmill.open(path)
    before = ds[:100]
    build(recipe, raw, tmp_path, rows_per_shard=1)
    assert equal(ds[:100], before)
    assert equal(shardmill.open(path)[:100], before)


def test_targets_and_rows_may_become_numbers(artifacts: Path) -> None:
    path = artifacts / "one" / "pictures"
    ds = shardmill.open(path, target_transform=int, transform=lambda x: x.sum(), per_row=True)
    x, y = ds[:4]
    assert x.shape == y.shape == (4,)
    assert y.tolist() == [0, 1, 2, 0]


def spans_mapped() -> int:
    """Shards that this process has mapped."""
    return Path("/proc/self/maps").read_text().count(".safetensors")


def test_spans_are_unmapped_with_their_last_view(artifacts: Path) -> None:
    gc.collect()  # what tests before this one left
    before = spans_mapped()
    ds = shardmill.open(artifacts / "many" / "pictures")
    kept = ds[:10]
    assert spans_mapped() > before
    del ds
    gc.collect()
    assert spans_mapped() == before
    assert len(kept[0]) == 10


def test_reading_while_python_exits(artifacts: Path) -> None:
    code = (
        "import atexit\natexit.register(lambda: print('label', int(ds[1][1])))\n"
        f"import shardmill\nds = shardmill.open({str(artifacts / 'one' / 'pictures')!r})\nds[0]"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "label 1\n"
