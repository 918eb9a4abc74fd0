"""Shards come when their rows are wanted, a little ahead, and only for the nodes that read them."""

import multiprocessing
import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cut_artifacts import equal
from object_servers import BUCKET, Faults, environment
from read_epoch import PROCESSES, take_environment

import shardmill
from shardmill import ShardDataset
from shardmill.datasets.gather.shard_files import CachedShards
from shardmill.format.manifest import Manifest

PICTURES, TEXTS, MANY = (f"s3://{BUCKET}/{name}" for name in ("pictures", "texts", "many"))
FORK = multiprocessing.get_context("fork")


def sizes_of(server: Path, url: str) -> list[int]:
    """The bytes of the shards of an artifact."""
    manifest = Manifest.load(server / url.removeprefix("s3://"))
    return [shard.bytes for shard in manifest.splits["train"].shards]


def shards_asked(faults: Faults) -> list[int]:
    """The numbers of the shards that were asked for, ascending."""
    names = [Path(path).name for path, _ in faults.asked]
    return sorted(int(name[6:11]) for name in names if name.startswith("train-"))


def shards_in(cache: Path) -> list[Path]:
    return list(cache.rglob("train-*.safetensors"))


def join_threads(ds: ShardDataset) -> None:
    """Wait for what comes ahead."""
    for thread in ds._mapped.files._threads[:]:  # type: ignore[attr-defined]
        thread.join()


def rows_in(batches: Iterable[Any]) -> list[bytes]:
    return [bytes(row.numpy()) for x, _ in batches for row in x]


@pytest.mark.usefixtures("endpoint")
def test_a_shard_comes_with_the_first_row_of_it(cut: Path, faults: Faults, tmp_path: Path) -> None:
    ds = shardmill.open(PICTURES, cache=tmp_path)
    local = shardmill.open(cut / BUCKET / "pictures")
    assert len(ds) == 20_000
    assert shards_asked(faults) == []
    assert equal(ds[5_000], local[5_000])
    assert shards_asked(faults) == [2]
    rows = [0, 19_999, 5_000, 2_047, -1]
    assert equal(ds[rows], local[rows])
    assert shards_asked(faults) == [0, 2, 9]
    assert ds._mapped.in_spans
    assert np.array_equal(ds.numpy()["x"], local.numpy()["x"])
    assert shards_asked(faults) == list(range(10))
    with pytest.raises(IndexError):
        ds[20_000]


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize("layout", ["padded", "bag"])
def test_texts_come_shard_by_shard(cut: Path, faults: Faults, tmp_path: Path, layout: str) -> None:
    options: dict[str, Any] = {"layout": layout}
    ds = shardmill.open(TEXTS, cache=tmp_path, **options)
    local = shardmill.open(cut / BUCKET / "texts", **options)
    for rows in ([4_096, 4_097], [19_999, 3, 5_000], slice(0, 30)):
        assert equal(tuple(ds[rows][0]), tuple(local[rows][0]))
    assert shards_asked(faults) == [0, 1, 4]
    bucketed = (each.loader(500, shuffle=True, bucket=True) for each in (ds, local))
    assert all(equal(tuple(one[0]), tuple(other[0])) for one, other in zip(*bucketed, strict=True))


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize("shuffle", [False, True, "blocks", "nodes", "shards"])
def test_an_epoch_brings_each_shard_once(
    cut: Path, faults: Faults, tmp_path: Path, shuffle: Any
) -> None:
    ds = shardmill.open(PICTURES, cache=tmp_path)
    local = shardmill.open(cut / BUCKET / "pictures")
    for epoch in range(2):
        loaders = [each.loader(500, shuffle=shuffle, seed=4) for each in (ds, local)]
        for loader in loaders:
            loader.set_epoch(epoch)
        assert all(equal(one, other) for one, other in zip(*loaders, strict=True))
        assert shards_asked(faults) == list(range(10))


@pytest.mark.usefixtures("endpoint")
def test_the_next_shards_come_ahead(faults: Faults, tmp_path: Path) -> None:
    ds = shardmill.open(MANY, cache=tmp_path)
    batches = iter(ds.loader(10))
    next(batches)
    join_threads(ds)
    assert shards_asked(faults) == [0, 1, 2, 3, 4]


@pytest.mark.usefixtures("endpoint")
def test_few_shards_come_for_the_first_rows_of_an_order_of_shards(
    faults: Faults, tmp_path: Path
) -> None:
    ds = shardmill.open(MANY, cache=tmp_path)
    next(iter(ds.loader(10, shuffle="shards")))
    join_threads(ds)
    assert len(shards_asked(faults)) == 4 + 4  # the first two groups


@pytest.mark.usefixtures("endpoint")
def test_a_cache_of_some_shards_brings_each_once_an_epoch(
    cut: Path, faults: Faults, tmp_path: Path
) -> None:
    local = shardmill.open(cut / BUCKET / "many")
    ds = shardmill.open(MANY, cache=tmp_path, cache_bytes=12 * max(sizes_of(cut, MANY)))
    for epoch in range(2):
        loaders = [each.loader(64, shuffle="shards", seed=4) for each in (ds, local)]
        for loader in loaders:
            loader.set_epoch(epoch)
        assert all(equal(one, other) for one, other in zip(*loaders, strict=True))
        join_threads(ds)
        asked = shards_asked(faults)
        assert set(asked) <= set(range(24))
        assert len(asked) == len(set(asked))
        assert epoch or len(asked) == 24
        faults.asked.clear()


@pytest.mark.usefixtures("endpoint")
def test_ranks_of_a_node_share_what_comes(cut: Path, faults: Faults, tmp_path: Path) -> None:
    limit = 16 * max(sizes_of(cut, MANY))
    loaders = [
        shardmill.open(MANY, cache=tmp_path, cache_bytes=limit).loader(
            64, shuffle="shards", rank=rank, world_size=2, nodes=1
        )
        for rank in range(2)
    ]
    rows = [row for step in zip(*loaders, strict=True) for row in rows_in(step)]
    whole = shardmill.open(cut / BUCKET / "many").numpy()["x"]
    assert sorted(rows) == sorted(map(bytes, whole))
    assert shards_asked(faults) == list(range(24))


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize("limit", [None, 16])
@pytest.mark.parametrize("shuffle", ["nodes", "shards"])
def test_two_nodes_each_cache_their_share(
    cut: Path, tmp_path: Path, shuffle: Any, limit: int | None
) -> None:
    sizes = sizes_of(cut, MANY)
    whole = sorted(map(bytes, shardmill.open(cut / BUCKET / "many").numpy()["x"]))
    options: dict[str, Any] = {"cache_bytes": None if limit is None else limit * max(sizes)}

    def loader(node: int, nodes: int) -> Any:
        ds = shardmill.open(MANY, cache=tmp_path / f"{node} of {nodes}", **options)
        return ds.loader(512, shuffle=shuffle, seed=2, rank=node, world_size=nodes, nodes=nodes)

    both = [loader(node, 2) for node in range(2)]
    assert sorted(row for node in both for row in rows_in(node)) == whole
    for node in range(2):
        held = shards_in(tmp_path / f"{node} of 2")
        assert sum(path.stat().st_size for path in held) <= 0.6 * sum(sizes)
    seen = []
    for node in both:
        node.set_epoch(1)
        batches = iter(node)
        seen += rows_in(next(batches) for _ in range(20))
    alone = loader(0, 1)
    alone.load_state_dict(both[0].state_dict())
    assert sorted(seen + rows_in(alone)) == whole


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize(("shuffle", "came"), [(False, 24), ("nodes", 13)])
def test_workers_bring_what_they_read(
    endpoint: str, faults: Faults, tmp_path: Path, shuffle: Any, came: int
) -> None:
    ds = shardmill.open(MANY, cache=tmp_path)
    loader = ds.loader(
        5_000,
        shuffle=shuffle,
        rank=0,
        world_size=2,
        nodes=2 if shuffle else None,
        num_workers=1,
        multiprocessing_context=PROCESSES,
        worker_init_fn=partial(take_environment, environment(endpoint)),
    )
    assert sum(len(y) for _, y in loader) == len(ds) // 2
    join_threads(ds)
    asked = shards_asked(faults)
    assert len(set(asked)) == len(asked) == came


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize("names", [None, {"x": "pixels"}])
def test_forked_workers_find_everything_here(
    cut: Path, faults: Faults, tmp_path: Path, names: Any
) -> None:
    both: list[Any] = [shardmill.open(PICTURES, cache=tmp_path, names=names) for _ in range(2)]
    loader: Any = shardmill.concat(both).loader(
        10_000, num_workers=1, multiprocessing_context="fork", shuffle="nodes"
    )
    labels = [batch["y" if names else 1] for batch in loader]
    assert sum(map(len, labels)) == 40_000
    assert shards_asked(faults) == list(range(10))


def _read_in_child(ds: ShardDataset, rows: list[int], sent: Any) -> None:
    x, y = ds[rows]
    sent.send((x.numpy(), y.numpy()))


@pytest.mark.usefixtures("endpoint")
def test_a_forked_process_maps_what_is_here(cut: Path, tmp_path: Path) -> None:
    ds = shardmill.open(PICTURES, cache=tmp_path)
    images, _ = ds[[0]]
    coming = ds._mapped.coming
    assert coming is not None
    shardmill.open(PICTURES, cache=tmp_path).numpy()
    rows = [0, 19_999, 7_000]
    receiver, sender = FORK.Pipe(duplex=False)
    (lock,) = coming._locks.values()
    with lock:  # which a thread of this process may hold, and would never let go in the other
        process = FORK.Process(target=_read_in_child, args=(ds, rows, sender))
        process.start()
        x, y = receiver.recv()
    process.join()
    local = shardmill.open(cut / BUCKET / "pictures")
    assert equal((torch.from_numpy(x), torch.from_numpy(y)), local[rows])
    assert torch.equal(images, local[[0]][0])


@pytest.mark.usefixtures("endpoint")
def test_targets_of_all_rows_bring_all_shards(faults: Faults, tmp_path: Path) -> None:
    ds = shardmill.open(PICTURES, cache=tmp_path)
    ds.loader(100, weights="balanced")
    assert shards_asked(faults) == list(range(10))


class Shelf:
    """An artifact whose files are all the same, which notes what was brought ahead."""

    cache_bytes = 80

    def __init__(self) -> None:
        self.ahead: list[int] = []

    def open(self, shard: int) -> int:
        del shard
        return os.open(os.devnull, os.O_RDONLY)

    def bring_ahead(self, shard: int, stopped: object) -> None:
        del stopped
        self.ahead.append(shard)


def test_the_next_shards_come_ahead_of_a_rank_that_passes_over_some() -> None:
    shelf = Shelf()
    files: Any = CachedShards(shelf, range(100), np.full(100, 10))  # type: ignore[arg-type]
    files.in_order = True
    for shard in range(0, 60, 6):
        os.close(files.open(shard))
        for thread in files._threads[:]:
            thread.join()
    assert sorted(shelf.ahead) == [n + ahead for n in range(0, 60, 6) for ahead in (1, 2, 3, 4)]
