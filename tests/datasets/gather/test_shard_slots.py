"""A few slots for many shards give the rows that spans give, and never those of another shard."""

import gc
import multiprocessing
import random
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cut_artifacts import ROWS, build_cut, equal
from hypothesis import given, settings, strategies as st

import shardmill
from shardmill import ShardDataset
from shardmill.datasets.gather import mapped_split, shard_files, shard_slots, span
from shardmill.datasets.gather.shard_places import find_places
from shardmill.errors import DamagedFileError
from shardmill.format.layout import Field, shard_header, shard_layout
from shardmill.format.manifest import ShardRecord, SplitRecord
from shardmill.format.shard_table import counts_of

SLOTS = 3
CASES: list[tuple[str, dict[str, Any]]] = [
    ("pictures", {}),
    *(("texts", {"layout": layout}) for layout in ("padded", "bag", "jagged")),
]
FORK = multiprocessing.get_context("fork")


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images in ten shards, and texts in five."""
    return build_cut(tmp_path_factory.mktemp("slots"))


@pytest.fixture(scope="module")
def spans(artifacts: Path) -> list[ShardDataset]:
    """The dataset of each case, in spans."""
    datasets: list[ShardDataset] = []
    for name, options in CASES:
        datasets.append(shardmill.open(artifacts / name, **options))
        datasets[-1][0]
        assert datasets[-1]._mapped.in_spans
    return datasets


@pytest.fixture(params=["few", "enough", "read"])
def slots(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, spans: list[ShardDataset]
) -> str:
    """Shards go into slots: a few, as many as shards, or a few without maps of files."""
    assert spans
    monkeypatch.setattr(mapped_split, "can_map_spans", lambda: False)
    if request.param != "enough":
        few_slots(monkeypatch)
    if request.param == "read":
        for module in (span, shard_slots):
            monkeypatch.setattr(module, "can_map_files", lambda: False)
    return str(request.param)


def few_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be three slots."""
    monkeypatch.setattr(shard_slots, "FEW_MAPS", SLOTS)
    monkeypatch.setattr(shard_slots, "maps_left", lambda: 0)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the shards that are opened."""
    names: list[str] = []

    def noted(path: str, file_bytes: int) -> int:
        names.append(Path(path).name.removesuffix(".safetensors"))
        return span.open_checked(path, file_bytes)

    monkeypatch.setattr(shard_files, "open_checked", noted)
    yield names


def shards_mapped() -> int:
    gc.collect()  # what tests before this one left
    return Path("/proc/self/maps").read_text().count(".safetensors")


def random_rows(seed: int, most: int = 300) -> list[int]:
    draw = random.Random(seed)
    return [draw.randrange(ROWS) for _ in range(draw.randrange(most))]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_slots_give_the_rows_of_spans(
    artifacts: Path, spans: list[ShardDataset], case: int, slots: str
) -> None:
    name, options = CASES[case]
    before = shards_mapped()
    ds = shardmill.open(artifacts / name, **options)
    assert not ds._mapped.in_spans
    kept = []
    for seed in range(12):
        rows = random_rows(seed)
        kept.append((ds[rows], spans[case][rows]))
        assert shards_mapped() - before <= {"few": SLOTS, "enough": 10, "read": 0}[slots]
    # No batch changes when its shards give up their slots.
    assert all(map(same, *zip(*kept, strict=True)))
    for shuffle in (False, True, "blocks"):
        loaders = [each.loader(700, shuffle=shuffle) for each in (ds, spans[case])]
        assert all(map(same, *loaders))
    for ours, theirs in zip(ds.numpy().values(), spans[case].numpy().values(), strict=True):
        assert np.array_equal(ours, theirs)
        assert not ours.flags.writeable


def same(a: Any, b: Any) -> bool:
    """Say whether two batches are the same, nested tensors among them."""
    if isinstance(a, torch.Tensor) and a.is_nested:
        return same(a.unbind(), b.unbind())
    return equal(a, b) if isinstance(a, torch.Tensor) else all(map(same, a, b))


def test_the_shard_that_was_used_longest_ago_goes(
    artifacts: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped_split, "can_map_spans", lambda: False)
    few_slots(monkeypatch)
    ds = shardmill.open(artifacts / "pictures")
    size = ds.manifest.splits["train"].rows_per_shard
    for shards in ([0], [1], [2], [0], [3], [0, 2], [4]):
        ds[[shard * size for shard in shards]]
    # The fourth shard takes the place of 1, and the fifth that of 3.
    assert opened == [f"train-{shard:05d}" for shard in (0, 1, 2, 3, 4)]
    opened.clear()
    ds[[0, 2 * size, 4 * size]]
    assert opened == []
    ds[::size]  # one batch of more shards than there are slots
    assert len(opened) >= 10 - SLOTS


def test_slots_grow_while_there_are_maps(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [8, 8, 7, 100]
    monkeypatch.setattr(mapped_split, "can_map_spans", lambda: False)
    monkeypatch.setattr(shard_slots, "FEW_MAPS", 1)
    monkeypatch.setattr(shard_slots, "maps_left", lambda: left.pop(0))
    before = shards_mapped()
    ds = shardmill.open(artifacts / "pictures")
    assert len(ds[:][1]) == ROWS
    # From 1 to 2 and to 4. Then 4 more are more than a quarter of 7, which stays so.
    assert shards_mapped() - before == 4
    assert left == [100]


@pytest.mark.parametrize("maps_left", [0, 59, 60])
def test_spans_are_for_as_many_maps_as_are_left(
    artifacts: Path, maps_left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped_split, "FEW_MAPS", 19)  # of 10 shards with two tensors
    monkeypatch.setattr(mapped_split, "maps_left", lambda: maps_left)
    ds = shardmill.open(artifacts / "pictures")
    assert len(ds.manifest.splits["train"].shards) == 10
    assert ds._mapped.in_spans == (maps_left == 60)
    assert len(ds[[0, -1]][1]) == 2


def test_the_system_says_how_many_maps_are_left() -> None:
    (before, most) = span.maps_left(), int(Path("/proc/sys/vm/max_map_count").read_text())
    assert 0 < before < most


@pytest.mark.usefixtures("slots")
@pytest.mark.parametrize("name", ["pictures", "texts"])
def test_a_shard_is_looked_at_before_it_is_read(artifacts: Path, tmp_path: Path, name: str) -> None:
    path = shutil.copytree(artifacts / name, tmp_path / name)
    ds = shardmill.open(path)
    size = ds.manifest.splits["train"].rows_per_shard
    shard = path / ds.manifest.splits["train"].shards[1].path
    content = shard.read_bytes()
    expected = ds[:10]
    damages: list[Callable[[], object]] = [
        lambda: shard.write_bytes(content[:-1]),
        lambda: shard.write_bytes(content + b"0"),
        shard.unlink,
    ]
    for damage in damages:
        damage()
        for read in (lambda: ds[size], lambda: ds[:], lambda: list(ds.loader(99)), ds.numpy):
            with pytest.raises(DamagedFileError, match=rf"{shard.name}: expected a shard of"):
                read()
        assert equal(tuple(ds[:10]), tuple(expected))
    shard.write_bytes(content)
    whole = shardmill.open(artifacts / name)
    assert same(ds[size : size + 9], whole[size : size + 9])


@pytest.mark.usefixtures("slots")
def test_threads_share_slots(artifacts: Path) -> None:
    ds = shardmill.open(artifacts / "pictures")
    images, labels = ds[:]

    def read(seed: int) -> bool:
        rows = random_rows(seed)
        x, y = ds[rows]
        return torch.equal(x, images[rows]) and torch.equal(y, labels[rows])

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(read, range(40)))


def _read_in_child(ds: ShardDataset, rows: list[int], sent: Any) -> None:
    x, y = ds[rows]
    sent.send((x.numpy(), y.numpy()))


@pytest.mark.usefixtures("slots")
def test_a_forked_process_reads_while_a_thread_of_its_parent_does(artifacts: Path) -> None:
    ds = shardmill.open(artifacts / "pictures")
    images, labels = ds[:]
    rows = random_rows(1)
    receiver, sender = FORK.Pipe(duplex=False)
    with ds._mapped.slots.held():  # the lock that the process inherits is never let go
        process = FORK.Process(target=_read_in_child, args=(ds, rows, sender))
        process.start()
        x, y = receiver.recv()
    process.join()
    assert np.array_equal(x, images[rows].numpy())
    assert np.array_equal(y, labels[rows].numpy())
    assert torch.equal(ds[rows][1], labels[rows])


@settings(max_examples=200, deadline=None)
@given(
    texts=st.integers(0, 2),
    width=st.integers(1, 40),
    shards=st.lists(st.tuples(st.integers(0, 9_000), st.integers(0, 9_000)), max_size=4),
)
def test_places_are_those_of_the_layout(
    texts: int, width: int, shards: list[tuple[int, int]]
) -> None:
    fields = (
        Field.input("uint8", (width,), group="n"),
        *(Field.input("int32", ragged=True, group=f"t{n}") for n in range(texts)),
        Field.target("class", "int16"),
    )
    records, expected = [], []
    for number, (values, other) in enumerate(shards):
        counts = dict(zip(["x.t0", "x.t1"], (values, other), strict=True))
        counts = {name: counts[name] for name in list(counts)[:texts]}
        extents = shard_layout(fields, 5_000, counts)
        header = len(shard_header(extents))
        facts: dict[str, Any] = {"rows": 5_000, "values": counts, "longest": counts}
        size = header + extents[-1].stop
        records.append(ShardRecord(path=f"{number}", bytes=size, xxh3_128="0" * 32, **facts))
        expected.append({e.name: (header + e.start, e.stop - e.start) for e in extents})
    split = SplitRecord(
        rows=5_000 * len(records),
        labelled=True,
        parquet=(),
        rows_per_shard=5_000,
        fields=fields,
        shards=tuple(records),
    )
    places = find_places(Path("a"), split, counts_of(split.shards, fields))
    for name, (starts, lengths) in places.items():
        found = list(zip(starts.tolist(), lengths.tolist(), strict=True))
        assert found == [of_shard[name] for of_shard in expected]
