"""Several processes share a cache, and one that is killed leaves nothing wrong behind."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from cut_artifacts import equal
from object_servers import BUCKET, Faults, environment

import shardmill
from shardmill.format.manifest import Manifest
from shardmill.store import cache_folder, cloud_store

# Reads an epoch in blocks, and prints a number for each row.
EPOCH = """
import sys
import shardmill
from shardmill.store import cloud_store
cloud_store._BLOCK = 2048
cloud_store._FIRST_PAUSE_S = 0.001
url, cache, limit, shuffle = sys.argv[1:]
ds = shardmill.open(url, cache=cache, cache_bytes=int(limit) or None)
loader = ds.loader(2_000, shuffle={"": False}.get(shuffle, shuffle), seed=1)
for x, y in loader:
    for row, label in zip(x, y):
        print(int(label), bytes(row.numpy()).hex())
"""


def start(endpoint: str, cache: Path, limit: int, shuffle: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", EPOCH, f"s3://{BUCKET}/pictures", str(cache), str(limit), shuffle],
        env={**os.environ, **environment(endpoint)},
        stdout=subprocess.PIPE,
        text=True,
    )


def shard_bytes(cut: Path) -> int:
    return Manifest.load(cut / BUCKET / "pictures").splits["train"].shards[0].bytes


def sizes(folder: Path) -> list[int]:
    """The sizes of the parts of files, some of which may be put in place meanwhile."""
    found = []
    for path in folder.rglob("*.part"):
        with suppress(FileNotFoundError):
            found.append(path.stat().st_size)
    return found


def expected(cut: Path, shuffle: str) -> list[str]:
    ds = shardmill.open(cut / BUCKET / "pictures")
    loader = ds.loader(2_000, shuffle=shuffle or False, seed=1)  # type: ignore[arg-type]
    return [
        f"{int(label)} {bytes(row.numpy()).hex()}"
        for x, y in loader
        for row, label in zip(x, y, strict=True)
    ]


@pytest.mark.parametrize("shuffle", ["", "blocks"])
@pytest.mark.parametrize("shards", [0, 3])
def test_two_processes_share_a_cache_that_holds_less(
    cut: Path, endpoint: str, faults: Faults, tmp_path: Path, shuffle: str, shards: int
) -> None:
    faults.refuse_every = faults.cut_every = 5
    both = [start(endpoint, tmp_path, shards * shard_bytes(cut), shuffle) for _ in range(2)]
    wanted = expected(cut, shuffle)
    for process in both:
        found, _ = process.communicate()
        assert process.returncode == 0
        assert found.splitlines() == wanted
    assert not list(tmp_path.rglob("*.new"))
    if not shards:  # each file came once
        whole = [path for path, span in faults.asked if "train-" in path and not span]
        assert len(whole) - faults.refused <= 10 + faults.refused


def test_a_process_that_is_killed_leaves_a_part_for_the_next(
    cut: Path, endpoint: str, faults: Faults, tmp_path: Path
) -> None:
    faults.bytes_a_second = 40_000  # a shard takes half a second and more
    process = start(endpoint, tmp_path, 0, "")
    while not any(sizes(tmp_path)):
        assert process.poll() is None
        assert not list(tmp_path.rglob("train-*"))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    had = sizes(tmp_path)
    assert any(had)
    faults.bytes_a_second = 0
    faults.asked.clear()
    found, _ = start(endpoint, tmp_path, 0, "").communicate()
    assert found.splitlines() == expected(cut, "")
    resumed = {span for _, span in faults.asked}
    assert {f"bytes={part}-" for part in had if 0 < part < shard_bytes(cut)} <= resumed
    assert not list(tmp_path.rglob("*.part"))


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
    loader = ds.loader(5_000, num_workers=1, multiprocessing_context="spawn")
    local = shardmill.open(cut / BUCKET / "pictures")
    assert all(map(equal, loader, local.loader(5_000)))
    assert torch.equal(ds[[19_999]][0], local[[19_999]][0])
    assert cloud_store._first_process() == os.getpid()
