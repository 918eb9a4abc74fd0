"""Shards are mapped when they are first read, advised without harm, and unmapped in time."""

import gc
import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from building import build
from torch import Tensor

import shardmill
from shardmill import ShardDataset
from shardmill.datasets.gather.span import Advice, advise
from shardmill.datasets.order import row_order
from shardmill.errors import DamagedFileError, ManifestError
from shardmill.format.manifest import Manifest, ShardRecord
from shardmill.format.shard_file import write_shard
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe

SHARD_ROWS = 2_048  # the fewest that alignment allows for labels of 8 bytes
SHARDS = 64
ROWS = SHARDS * SHARD_ROWS - 100
TEXT_ROWS = 9_000  # in shards of 4,096
BORDERS = [1, 4_095, 4_096, 4_097, 8_191, 8_192, TEXT_ROWS - 1]

IMAGE = """
name = "pictures"
kind = "image"
target = { classes = ["a", "b", "c"] }
splits.train = { images.path = "images", labels.path = "labels" }
"""
TEXT = """
name = "texts"
kind = "text"
csv = { header = false }
text = { columns = ["y", "text"], join = ["text"], tokenizer = "whitespace" }
target = { column = "y", classes = ["no", "yes"] }
splits.train.csv.path = "texts.csv"
"""


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of 8 bytes, their rows' numbers, in 64 shards; texts in three."""
    folder = tmp_path_factory.mktemp("mapped")
    numbers = np.arange(ROWS, dtype="<u8").view(np.uint8).reshape(ROWS, 2, 4)
    (folder / "images").write_bytes(encode_idx(numbers))
    (folder / "labels").write_bytes(encode_idx((np.arange(ROWS) % 3).astype(np.uint8)))
    lines = [f"no,{' '.join(f'w{n + k}' for k in range(n * 5 % 7))}\n" for n in range(TEXT_ROWS)]
    (folder / "texts.csv").write_text("".join(lines))
    for text in (IMAGE, TEXT):
        build(parse_recipe(text, where="test"), folder, folder, rows_per_shard=1)
    return folder


@pytest.fixture
def no_collection() -> Iterator[None]:
    """No garbage is collected but what no reference holds."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def numbers_of(x: Tensor) -> Tensor:
    """The row numbers that are written in images [b, 1, 2, 4]."""
    return x.reshape(-1, 8).contiguous().view(torch.int64)[:, 0]


def spans_mapped() -> int:
    """Pieces of shards that this process has mapped."""
    return Path("/proc/self/maps").read_text().count(".safetensors")


def shard_paths(path: Path) -> list[Path]:
    return [path / shard.path for shard in Manifest.load(path).splits["train"].shards]


@pytest.mark.parametrize("name", ["pictures", "texts"])
@pytest.mark.usefixtures("no_collection")
def test_shards_are_opened_by_the_first_read(artifacts: Path, tmp_path: Path, name: str) -> None:
    before = spans_mapped()
    path = shutil.copytree(artifacts / name, tmp_path / name)
    gone = shard_paths(path)[-1]
    gone.rename(tmp_path / "elsewhere")
    ds = shardmill.open(path)
    assert repr(ds).startswith(type(ds).__name__)
    assert len(ds) > 0
    for read in (lambda: ds[0], lambda: ds[:5], ds.numpy, lambda: next(iter(ds.loader(4)))):
        with pytest.raises(DamagedFileError, match=rf"{gone.name}.*expected a shard of") as caught:
            read()
        del caught
        assert spans_mapped() == before
    (tmp_path / "elsewhere").rename(gone)
    assert len(ds[:5][1]) == 5  # the next read maps what is there by then


@pytest.mark.parametrize("advice", get_args(Advice))
def test_advice_on_any_bytes_leaves_the_rows_alone(artifacts: Path, advice: Advice) -> None:
    for name in ("pictures", "texts"):
        ds = shardmill.open(artifacts / name)
        rows = ds[:3_000]
        for span in ds._mapped.spans.values():
            size = len(span)
            edges = [0, 1, 4_095, 4_096, 4_097, size // 2 + 1, size - 1, size]
            for start, stop in product(edges, edges):
                advise(span, start, stop, advice)
        assert all(map(torch.equal, flat(ds[:3_000]), flat(rows)))


def flat(batch: Any) -> list[Tensor]:
    """The tensors of a batch."""
    return [batch] if isinstance(batch, Tensor) else [t for part in batch for t in flat(part)]


@pytest.mark.parametrize(
    ("advice", "spans"), [*((advice, True) for advice in get_args(Advice)), ("will_need", False)]
)
def test_advice_on_any_rows_leaves_them_alone(
    artifacts: Path, advice: Advice, spans: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, int]] = []

    def noted(span: Any, start: int, stop: int, advice: Advice) -> None:
        assert 0 <= start <= stop <= len(span)
        calls.append((start, stop))
        advise(span, start, stop, advice)

    monkeypatch.setattr("shardmill.datasets.gather.mapped_split.can_map_spans", lambda: spans)
    monkeypatch.setattr("shardmill.datasets.gather.mapped_split.advise", noted)
    for name, rows in (("pictures", ROWS), ("texts", TEXT_ROWS)):
        ds = shardmill.open(artifacts / name)
        before = flat(ds[:])
        for start, stop in [
            *((b - 1, b) for b in BORDERS),
            *((b - 1, b + 1) for b in BORDERS[:-1]),
        ]:
            ds._mapped.advise(advice, start, stop)
            ds.reader.will_need(start, stop)
        for whole in ((), (0, rows), (rows - 1, rows), (0, 1)):
            ds._mapped.advise(advice, *whole)
        assert all(map(torch.equal, flat(ds[:]), before))
    assert bool(calls) == spans


def test_advice_on_texts_is_about_their_values(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, int, int]] = []
    monkeypatch.setattr(
        "shardmill.datasets.gather.mapped_split.advise",
        lambda span, start, stop, advice: calls.append((len(span), start, stop)),
    )
    ds = shardmill.open(artifacts / "texts")
    arrays = ds.numpy()
    starts, sizes = arrays["offsets"], arrays["sizes"]
    for first, last in [*((b, b) for b in BORDERS), (0, TEXT_ROWS - 1), (4_000, 8_200)]:
        calls.clear()
        ds.reader.will_need(first, last + 1)
        wanted = (4 * starts[first], 4 * (starts[last] + sizes[last]))
        assert (4 * len(arrays["x"]), *wanted) in calls
        assert (8 * TEXT_ROWS, 8 * first, 8 * (last + 1)) in calls  # of offsets, and of targets
        assert (4 * TEXT_ROWS, 4 * first, 4 * (last + 1)) in calls  # of sizes
        assert len(calls) == 4


@pytest.mark.parametrize("spans", [True, False])
def test_blocks_of_many_shards_are_read_once(
    artifacts: Path, spans: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardmill.datasets.gather.mapped_split.can_map_spans", lambda: spans)
    monkeypatch.setattr(row_order, "BLOCK_BYTES", 16 * 1_000)  # of about 1,000 rows
    ds = shardmill.open(artifacts / "pictures")
    loader = ds.loader(4_096, shuffle="blocks", seed=1)
    epochs = [torch.cat([numbers_of(x) for x, _ in loader]) for _ in range(2)]
    for epoch in epochs:
        assert torch.equal(epoch.sort().values, torch.arange(ROWS))
    assert not torch.equal(*epochs)


@pytest.mark.parametrize("spans", [True, False])
def test_many_shards_are_one_dataset(
    artifacts: Path, spans: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardmill.datasets.gather.mapped_split.can_map_spans", lambda: spans)
    ds = shardmill.open(artifacts / "pictures")
    assert len(shard_paths(ds.path)) == SHARDS
    x, y = ds[:]
    assert torch.equal(numbers_of(x), torch.arange(ROWS))
    assert torch.equal(y, torch.arange(ROWS) % 3)
    rows = torch.randperm(ROWS, generator=torch.Generator().manual_seed(0))[:2_000]
    assert torch.equal(numbers_of(ds[rows][0]), rows)


@pytest.mark.parametrize("rows_per_shard", [SHARD_ROWS, 1_000, 1])
def test_shards_of_any_number_of_rows_are_read(
    artifacts: Path, tmp_path: Path, rows_per_shard: int
) -> None:
    # Writers of other shards than ours may leave them unaligned; these cannot be one span.
    ds = cut_anew(shardmill.open(artifacts / "pictures"), tmp_path, rows_per_shard)
    assert ds._mapped.in_spans == (rows_per_shard == SHARD_ROWS)
    assert len(ds) == 16 * rows_per_shard
    assert torch.equal(numbers_of(ds[:][0]), torch.arange(len(ds)))
    assert np.array_equal(ds.numpy()["x"], ds[:][0].numpy())


def cut_anew(ds: ShardDataset, to: Path, rows_per_shard: int) -> ShardDataset:
    """The first rows of a dataset in 16 shards."""
    split, records = ds.manifest.splits["train"], []
    for index in range(16):
        x, y = ds[index * rows_per_shard : (index + 1) * rows_per_shard]
        name = f"train-{index:05d}.safetensors"
        tensors = {"x": x.numpy(), "y": y.numpy()}
        size, digest = write_shard(to / name, split.fields, tensors, values={})
        records.append(ShardRecord(path=name, bytes=size, xxh3_128=digest, rows=rows_per_shard))
    changed = {"rows": 16 * rows_per_shard, "rows_per_shard": rows_per_shard}
    split = split.model_copy(update={**changed, "shards": tuple(records)})
    return type(ds)(to, manifest=ds.manifest.model_copy(update={"splits": {"train": split}}))


@pytest.mark.parametrize("spans", [True, False])
@pytest.mark.parametrize("bytes_more", [1, -1, -16_384, -(10**9), 8_192])
def test_bytes_that_contradict_the_rows_are_refused(
    artifacts: Path, spans: bool, bytes_more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardmill.datasets.gather.mapped_split.can_map_spans", lambda: spans)
    for name in ("pictures", "texts"):
        good = shardmill.open(artifacts / name)
        split = good.manifest.splits["train"]
        first, *others = split.shards
        wrong = first.model_copy(update={"bytes": first.bytes + bytes_more})
        split = split.model_copy(update={"shards": (wrong, *others)})
        manifest = good.manifest.model_copy(update={"splits": {"train": split}})
        ds = type(good)(good.path, manifest=manifest)
        for read in (lambda ds=ds: ds[0], ds.numpy):
            with pytest.raises(ManifestError, match=rf"bytes for {first.rows:,} rows") as caught:
                read()
            assert f"found {wrong.bytes:,} bytes in the manifest" in str(caught.value)


@pytest.mark.parametrize("spans", [True, False])
@pytest.mark.parametrize("name", ["pictures", "texts"])
@pytest.mark.usefixtures("no_collection")
def test_nothing_keeps_maps_but_datasets_and_arrays(
    artifacts: Path, name: str, spans: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardmill.datasets.gather.mapped_split.can_map_spans", lambda: spans)
    before = spans_mapped()
    ds = shardmill.open(artifacts / name)
    assert spans_mapped() == before
    kept: list[Any] = [ds[:10], ds[[1, 2]], next(iter(ds.loader(5, shuffle="blocks")))]
    loader = ds.loader(1_000, shuffle=True, prefetch=1)
    kept += [sum(len(y) for _, y in loader), repr(ds)]
    assert spans_mapped() > before
    del ds, loader
    assert spans_mapped() == before
    joined = shardmill.concat([shardmill.open(artifacts / name) for _ in range(2)])
    kept += [joined[[0, -1]], *joined.loader(9_000)]
    assert spans_mapped() > before
    del joined
    assert spans_mapped() == before
    array = shardmill.open(artifacts / name).numpy()["x"]
    assert (spans_mapped() > before) == spans  # the fallback's arrays are copies
    del array
    assert spans_mapped() == before


@pytest.mark.parametrize("name", ["pictures", "texts"])
@pytest.mark.usefixtures("no_collection")
def test_kept_rows_keep_no_maps(artifacts: Path, name: str) -> None:
    before = spans_mapped()
    ds = shardmill.open(artifacts / name)
    rows = [ds[1], ds[-1]]
    assert spans_mapped() > before
    del ds
    assert spans_mapped() == before
    assert len(rows) == 2
