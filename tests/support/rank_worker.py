"""What the processes of tests/datasets/test_loader_ranks.py do; each call is one rank."""

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

import shardmill

TIMEOUT = timedelta(seconds=60)  # nothing waits for ever


@dataclass(frozen=True, slots=True)
class Group:
    """The process group that a call joins."""

    rank: int
    world_size: int
    file: Path


@dataclass(frozen=True, slots=True)
class Part:
    """What one rank was given: row numbers by batch, and the state after the last of them."""

    batches: list[list[int]]
    state: dict[str, Any]
    length: int

    @property
    def rows(self) -> list[int]:
        return [row for batch in self.batches for row in batch]


@dataclass(frozen=True, slots=True)
class Job:
    """One iteration of a loader.

    Attributes:
        options: of `loader`.
        epochs: whole epochs that come first.
        state: of the run that this one goes on with.
        stop: after so many batches; None for the whole epoch.
    """

    options: dict[str, Any]
    epochs: int = 0
    state: dict[str, Any] | None = None
    stop: int | None = None


def row_numbers(batch: tuple[Tensor, Any]) -> list[int]:
    """Return the numbers that the pixels of a batch encode, 8 bytes of each row."""
    numbers: list[int] = batch[0].flatten(1).view(torch.int64)[:, 0].tolist()
    return numbers


@contextmanager
def joined(group: Group) -> Iterator[None]:
    """Be one rank of a process group on gloo that meets at a file."""
    torch.distributed.init_process_group(
        "gloo",
        init_method=f"file://{group.file}",
        rank=group.rank,
        world_size=group.world_size,
        timeout=TIMEOUT,
    )
    try:
        yield
        torch.distributed.barrier()
    finally:
        torch.distributed.destroy_process_group()


def read(group: Group, artifact: Path, jobs: list[Job]) -> list[Part]:
    """Do `jobs` with loaders that ask torch.distributed which rank they are of."""
    torch.set_num_threads(1)  # there are more ranks than cores
    with joined(group):
        return [_read(artifact, job) for job in jobs]


def _read(artifact: Path, job: Job) -> Part:
    loader = shardmill.open(artifact).loader(**job.options)
    for _ in range(job.epochs):
        for _ in loader:
            pass
    if job.state is not None:
        # As after a checkpoint, which is written as text.
        loader.load_state_dict(json.loads(json.dumps(job.state)))
    running = iter(loader)
    batches = [row_numbers(batch) for batch in islice(running, job.stop)]
    return Part(batches, loader.state_dict(), len(loader))


def read_with_accelerate(rank: int, world_size: int, port: int, artifact: Path) -> list[list[int]]:
    """Return the rows of two epochs, and of all but 3 batches of a third, as Accelerate has them.

    The process is launched as torchrun does, through its environment.
    """
    from accelerate import Accelerator, InitProcessGroupKwargs, skip_first_batches

    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world_size, "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in place.items()}
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    timeout = InitProcessGroupKwargs(timeout=TIMEOUT)
    accelerator = Accelerator(cpu=True, kwargs_handlers=[timeout])
    try:
        assert (accelerator.process_index, accelerator.num_processes) == (rank, world_size)
        ds = shardmill.open(artifact)
        loader = accelerator.prepare(ds.loader(64, shuffle=True, seed=5))
        if world_size > 1:
            with pytest.raises(shardmill.DividedTwiceError, match="would be divided again"):
                accelerator.prepare(DataLoader(ds, batch_sampler=ds.loader(64).batch_sampler))
        epochs = [loader, loader, skip_first_batches(loader, 3)]
        return [[row for batch in epoch for row in row_numbers(batch)] for epoch in epochs]
    finally:
        accelerator.end_training()


def kill_idle(worker: int) -> None:
    """Kill a worker that has nothing to do, and return when it is dead.

    One that is killed in the instant in which it holds a lock of its loader makes torch's shutdown
    wait for that lock for ever; a fifth of a second after its last batch it holds none.
    """
    time.sleep(0.2)
    os.kill(worker, signal.SIGKILL)
    os.waitid(os.P_PID, worker, os.WEXITED | os.WNOWAIT)


def lose_a_worker(artifact: Path, *, persistent: bool) -> None:
    """Kill a worker of a loop, finish an epoch, and print the number of rows and all workers."""
    ds = shardmill.open(artifact)
    loader = ds.loader(64, num_workers=2, prefetch_factor=1, persistent_workers=persistent)
    workers: list[int] = []
    try:
        for _ in loader:
            workers = [child.pid or 0 for child in multiprocessing.active_children()]
            kill_idle(workers[0])
    except RuntimeError:
        for child in multiprocessing.active_children():
            child.join(0)  # forget the dead one, or torch raises again as the other one ends
    print(sum(len(y) for _, y in ds.loader(64, num_workers=2)), *workers)


if __name__ == "__main__":
    lose_a_worker(Path(sys.argv[1]), persistent=sys.argv[2] == "True")
