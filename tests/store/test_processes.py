"""Several processes share a cache, and one that is killed leaves nothing wrong behind."""

import os
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import torch
from cut_artifacts import equal
from object_servers import BUCKET, Faults, environment
from read_epoch import PROCESSES, Epoch, lines_of, start_reading, take_environment

import shardmill
from shardmill.format.manifest import Manifest
from shardmill.store import cache_folder, cloud_store

PICTURES = f"s3://{BUCKET}/pictures"


def shard_bytes(cut: Path) -> int:
    return Manifest.load(cut / BUCKET / "pictures").splits["train"].shards[0].bytes


def sizes(folder: Path) -> list[int]:
    """The sizes of the parts of files, some of which may be put in place meanwhile."""
    found = []
    for path in folder.rglob("*.part"):
        with suppress(FileNotFoundError):
            found.append(path.stat().st_size)
    return found


@pytest.mark.parametrize("shuffle", ["", "blocks"])
@pytest.mark.parametrize("shards", [0, 3])
def test_two_processes_share_a_cache_that_holds_less(
    cut: Path, endpoint: str, faults: Faults, tmp_path: Path, shuffle: str, shards: int
) -> None:
    faults.refuse_every = faults.cut_every = 5
    cache = tmp_path / "cache"
    epoch = Epoch(PICTURES, cache, shards * shard_bytes(cut), shuffle)
    both = [
        start_reading(epoch, environment(endpoint), tmp_path / f"{number}.txt")
        for number in range(2)
    ]
    wanted = lines_of(epoch, cut / BUCKET / "pictures")
    assert [reading.wait() == wanted for reading in both] == [True, True]
    assert not list(cache.rglob("*.new"))
    if not shards:  # each file came once
        whole = [path for path, span in faults.asked if "train-" in path and not span]
        assert len(whole) - faults.refused <= 10 + faults.refused


def test_a_process_that_is_killed_leaves_a_part_for_the_next(
    cut: Path, endpoint: str, faults: Faults, tmp_path: Path
) -> None:
    faults.bytes_a_second = 40_000  # a shard takes half a second and more
    cache = tmp_path / "cache"
    epoch = Epoch(PICTURES, cache, 0, "")
    lines = tmp_path / "lines.txt"
    process = start_reading(epoch, environment(endpoint), lines).process
    while not any(sizes(cache)):
        assert process.is_alive()
        assert not list(cache.rglob("train-*"))
    process.kill()
    process.join()
    had = sizes(cache)
    assert any(had)
    faults.bytes_a_second = 0
    faults.asked.clear()
    found = start_reading(epoch, environment(endpoint), lines).wait()
    assert found == lines_of(epoch, cut / BUCKET / "pictures")
    resumed = {span for _, span in faults.asked}
    assert {f"bytes={part}-" for part in had if 0 < part < shard_bytes(cut)} <= resumed
    assert not list(cache.rglob("*.part"))


def test_a_part_that_nobody_brings_makes_room(cut: Path, endpoint: str, tmp_path: Path) -> None:
    ds = shardmill.open(f"s3://{BUCKET}/pictures", cache=tmp_path)
    part = ds.path / "shards-0" / f".x.safetensors.{10**9}.part"
    part.parent.mkdir()
    part.touch()
    cache_folder.make_room(tmp_path, 10**6)
    assert not part.exists()


def test_workers_that_are_forked_read_what_is_here(
    cut: Path, endpoint: str, tmp_path: Path
) -> None:
    ds = shardmill.open(f"s3://{BUCKET}/pictures", cache=tmp_path)
    local = shardmill.open(cut / BUCKET / "pictures")
    batches = ds.loader(5_000, num_workers=2, multiprocessing_context="fork")
    assert all(map(equal, batches, local.loader(5_000)))


def test_workers_that_are_forked_bring_nothing(cut: Path, endpoint: str, tmp_path: Path) -> None:
    limit = 2 * shard_bytes(cut)
    ds = shardmill.open(f"s3://{BUCKET}/pictures", cache=tmp_path, cache_bytes=limit)
    with pytest.raises(RuntimeError, match="forkserver"):
        list(ds.loader(5_000, num_workers=1, multiprocessing_context="fork"))
    loader = ds.loader(
        5_000,
        num_workers=1,
        multiprocessing_context=PROCESSES,
        worker_init_fn=partial(take_environment, environment(endpoint)),
    )
    local = shardmill.open(cut / BUCKET / "pictures")
    assert all(map(equal, loader, local.loader(5_000)))
    assert torch.equal(ds[[19_999]][0], local[[19_999]][0])
    assert cloud_store._first_process() == os.getpid()
