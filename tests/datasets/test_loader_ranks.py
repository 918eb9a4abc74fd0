"""Loaders on several ranks, in processes of their own, and loaders that lose processes."""

import multiprocessing
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import rank_worker
from building import build
from rank_worker import Group, Job, Part, row_numbers
from torch import Tensor
from torch.utils.data import get_worker_info

import shardmill
from shardmill.datasets.loader import Loader
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe

ROWS = 5_003
LIMIT_S = 120  # of what takes a few seconds

T = TypeVar("T")
Read = Callable[[int, list[Job]], list[list[Part]]]

IMAGE = """
name = "pictures"
kind = "image"
[target]
classes = ["a", "b", "c"]
[splits.train]
images = { path = "images" }
labels = { path = "labels" }
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact of several shards, of which the 8 pixels of a row encode its number."""
    raw = tmp_path_factory.mktemp("raw")
    numbers = np.arange(ROWS)
    (raw / "images").write_bytes(encode_idx(numbers.view(np.uint8).reshape(ROWS, 2, 4)))
    (raw / "labels").write_bytes(encode_idx(numbers.astype(np.int32) % 3))
    recipe = parse_recipe(IMAGE, where="test")
    path = build(recipe, raw, tmp_path_factory.mktemp("artifacts"), rows_per_shard=1)
    assert len(shardmill.open(path).manifest.splits["train"].shards) > 1
    return path


def pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))


def on_ranks(ranks: ProcessPoolExecutor, call: Callable[..., T], each: Iterable[Any]) -> list[T]:
    """Return what `call` returns on each rank. A rank waits for the others, so no two share one."""
    return [future.result(LIMIT_S) for future in [ranks.submit(call, *args) for args in each]]


@pytest.fixture(scope="module")
def read(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    """Do jobs on so many ranks, and return by job what each rank was given."""
    folder = tmp_path_factory.mktemp("groups")
    names = count()
    with pool(4) as ranks:

        def on(world_size: int, jobs: list[Job]) -> list[list[Part]]:
            file = folder / str(next(names))
            groups = [Group(rank, world_size, file) for rank in range(world_size)]
            parts = on_ranks(ranks, rank_worker.read, [(g, pictures, jobs) for g in groups])
            return [list(of_job) for of_job in zip(*parts, strict=True)]

        yield on


def rows_of(parts: Iterable[Part]) -> list[int]:
    return [row for part in parts for batch in part.batches for row in batch]


@pytest.mark.parametrize("world_size", [2, 3, 4])
def test_ranks_of_torch_distributed_share_each_epoch(read: Read, world_size: int) -> None:
    sizes = (1, 7, 64, 1251, 2000)
    jobs = [Job({"batch_size": size, "shuffle": True}, epochs=1) for size in sizes]
    whole = [Job({"batch_size": size, "drop_last": True}) for size in sizes]
    for job, parts in zip(jobs, read(world_size, jobs), strict=True):
        batches = -(-ROWS // (job.options["batch_size"] * world_size))
        assert [(len(part.batches), part.length) for part in parts] == [(batches,) * 2] * world_size
        if job.options["batch_size"] > 1:
            assert sorted(rows_of(parts)) == list(range(ROWS))
        assert set(rows_of(parts)) == set(range(ROWS))
        assert all(part.state == parts[0].state for part in parts)
    for job, parts in zip(whole, read(world_size, whole), strict=True):
        size = job.options["batch_size"]
        steps = ROWS // (size * world_size)
        assert {len(batch) for part in parts for batch in part.batches} <= {size}
        assert [len(part.batches) for part in parts] == [steps] * world_size
        assert sorted(rows_of(parts)) == list(range(steps * size * world_size))


@pytest.mark.parametrize(
    ("before", "after", "workers"), [(2, 3, 0), (4, 3, 0), (3, 1, 0), (1, 4, 0), (2, 3, 1)]
)
def test_other_ranks_go_on_after_any_batch(
    read: Read, before: int, after: int, workers: int
) -> None:
    draw = random.Random(f"{before} {after} {workers}")
    first = []
    for seed in range(1 if workers else 6):
        size = draw.randrange(2, 300)
        stop = draw.randrange(-(-ROWS // (size * before)))
        kinds: list[Any] = [True, False, "blocks", "nodes", "shards"]
        options = {"batch_size": size, "shuffle": draw.choice(kinds), "seed": seed}
        options |= {"nodes": before} if options["shuffle"] in ("nodes", "shards") else {}
        first.append(Job(options | {"num_workers": workers}, epochs=seed % 2, stop=stop))
    seen = read(before, first)
    # The size of batches may change too.
    resized = [
        job.options | {"batch_size": max(job.options["batch_size"] * before // after, 2)}
        for job in first
    ]
    for options in resized:
        options |= {"nodes": after} if "nodes" in options else {}
    states = [parts[0].state for parts in seen]
    assert [state["epoch"] for state in states] == [job.epochs for job in first]
    second = [Job(o, state=state) for o, state in zip(resized, states, strict=True)]
    for job, one, other in zip(first, seen, read(after, second), strict=True):
        assert [len(part.batches) for part in one] == [job.stop] * before
        assert len({len(part.batches) for part in other}) == 1
        assert sorted(rows_of([*one, *other])) == list(range(ROWS)), job


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize("world_size", [1, 2])
def test_accelerate_gives_every_row_once(pictures: Path, world_size: int) -> None:
    port = free_port()
    each = [(rank, world_size, port, pictures) for rank in range(world_size)]
    with pool(world_size) as ranks:
        of_ranks = on_ranks(ranks, rank_worker.read_with_accelerate, each)
    first, second, skipped = (
        [row for rows in part for row in rows] for part in zip(*of_ranks, strict=True)
    )
    assert sorted(first) == sorted(second) == list(range(ROWS))
    assert first != second
    assert len(set(skipped)) == len(skipped) == ROWS - 3 * 64 * world_size


@dataclass(frozen=True)
class DieOnce:
    """A transform that ends its worker when it first finds a file, which it removes."""

    file: Path

    def __call__(self, x: Tensor) -> Tensor:
        if get_worker_info() is not None and self.file.exists():
            self.file.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return x


# A worker that is asked for one batch at a time has none to hand over when it dies.
ONE_AT_A_TIME: dict[str, Any] = {"num_workers": 2, "prefetch_factor": 1}
WORKER_DIED = "DataLoader worker .*(is killed by signal: Killed|exited unexpectedly)"
lasting_or_not = pytest.mark.parametrize("persistent", [False, True])


@contextmanager
def losing_a_worker() -> Iterator[None]:
    """Expect torch's error once: it comes again when another child ends, if nobody has joined."""
    with pytest.raises(RuntimeError, match=WORKER_DIED):
        try:
            yield
        finally:
            for child in multiprocessing.active_children():
                child.join(0)


def epoch_of(loader: Loader) -> list[int]:
    return [row for batch in loader for row in row_numbers(batch)]


@lasting_or_not
def test_after_a_worker_was_killed_the_next_epoch_is_whole(
    pictures: Path, tmp_path: Path, persistent: bool
) -> None:
    ds = shardmill.open(pictures, transform=DieOnce(tmp_path / "die"))
    loader = ds.loader(64, persistent_workers=persistent, **ONE_AT_A_TIME)
    with losing_a_worker():
        for at, _ in enumerate(loader):
            if at == 3:
                (tmp_path / "die").touch()
    assert [epoch_of(loader) for _ in range(2)] == [list(range(ROWS))] * 2


@lasting_or_not
def test_after_a_worker_died_while_the_loop_computed_the_next_epoch_is_whole(
    pictures: Path, persistent: bool
) -> None:
    # torch raises in its handler of SIGCHLD: here in the body of the loop, not in the loader.
    loader = shardmill.open(pictures).loader(64, persistent_workers=persistent, **ONE_AT_A_TIME)
    others = set(multiprocessing.active_children())
    with losing_a_worker():
        for _ in loader:
            pid = (set(multiprocessing.active_children()) - others).pop().pid
            assert pid is not None
            rank_worker.kill_idle(pid)
    assert epoch_of(loader) == list(range(ROWS))


@lasting_or_not
def test_a_killed_worker_leaves_nothing(pictures: Path, tmp_path: Path, persistent: bool) -> None:
    shared = Path("/dev/shm")
    before = set(shared.glob("*"))
    command = [sys.executable, rank_worker.__file__, str(pictures), str(persistent)]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        rows, *workers = process.communicate(timeout=LIMIT_S)[0].split()
    assert (int(rows), len(workers), process.returncode) == (ROWS, 2, 0)
    # Other programs write there too; torch names its files after the process.
    ours = {str(process.pid), *workers}
    left = set(shared.glob("*")) - before
    assert [path for path in left if ours & set(re.findall(r"\d+", path.name))] == []
    # The killed process itself cannot remove its folder of Python's multiprocessing.
    assert [path.name[:5] for path in tmp_path.iterdir()] in ([], ["pymp-"])


def refuse_short(x: Tensor) -> Tensor:
    if len(x) < 64:
        raise ValueError("a short batch")
    return x


def gathering_threads() -> int:
    return sum(thread.name.startswith("ThreadPool") for thread in threading.enumerate())


@pytest.mark.parametrize("options", [{}, {"prefetch": 2}, {"num_workers": 2}])
def test_what_a_transform_raises_surfaces_in_the_loop(
    pictures: Path, options: dict[str, Any]
) -> None:
    seen: list[int] = []
    with pytest.raises(ValueError, match="a short batch"):
        for batch in shardmill.open(pictures, transform=refuse_short).loader(64, **options):
            seen += row_numbers(batch)
    assert seen == list(range(ROWS // 64 * 64))
    assert gathering_threads() == 0


def test_leaving_a_loop_ends_the_thread_that_gathers_ahead(pictures: Path) -> None:
    for _ in shardmill.open(pictures).loader(64, prefetch=2):
        assert gathering_threads() == 1
        break
    assert gathering_threads() == 0
