"""The processes of a run: which one this is, and how they share rows."""

import os
from dataclasses import dataclass

import torch

from shardmill.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Ranks:
    """The processes of a run, as torchrun or `launch_ranks` has started them.

    Attributes:
        rank: The rank of this process.
        world_size: How many processes there are on all machines.
        local: How many processes there are on this machine.
    """

    rank: int
    world_size: int
    local: int

    @property
    def nodes(self) -> int:
        """How many machines there are. Each has equally many processes."""
        return self.world_size // self.local


def launched_ranks() -> Ranks | None:
    """Return what the environment of torchrun says of this process; None without it."""
    if not torch.distributed.is_available() or not torch.distributed.is_torchelastic_launched():
        return None
    rank, world_size, local = (
        int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")
    )
    return Ranks(rank, world_size, local)


def is_first_rank() -> bool:
    """Return whether this process is the one that reports and writes files."""
    ranks = launched_ranks()
    return ranks is None or ranks.rank == 0


def refuse_too_many(local: int, where: str) -> None:
    """Fail if this machine has GPUs, but fewer than its `local` processes need.

    Raises:
        SettingsError: The message says how many GPUs there are.
    """
    gpus = torch.cuda.device_count()
    if gpus and local > gpus:
        raise SettingsError(
            f"{where}: devices",
            expected=f"at most {gpus}, the GPUs of this machine",
            found=str(local),
            fix="use fewer devices, or hide the GPUs with CUDA_VISIBLE_DEVICES= to train on CPUs",
        )


def refuse_shared_rows(rows: int, batch_size: int, ranks: int, where: str) -> None:
    """Fail if a loader would have to give a row to two ranks.

    Raises:
        SettingsError: The rows do not divide among the ranks.
    """
    if divides(rows, batch_size, ranks):
        return
    raise SettingsError(
        f"{where}: devices",
        expected=f"devices among which {rows:,} rows divide in batches of {batch_size}",
        found=str(ranks),
        fix="use fewer devices, or with batches of one row a larger batch_size",
    )


def divides(rows: int, batch_size: int, ranks: int) -> bool:
    """Return whether ranks can have equally many batches, none of them empty, and each row once.

    Loaders divide the rows in this way if it is possible. With batches of two rows or more it is
    possible whenever there are more rows than ranks.
    """
    return rows % ranks == 0 or (rows > ranks and batch_size > 1)
