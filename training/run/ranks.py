"""Which of how many training processes this is, and how they share rows."""

import os
from dataclasses import dataclass

import torch

from shardmill import SettingsError


@dataclass(frozen=True, slots=True)
class Ranks:
    """The processes of a run, as torchrun or `launch_ranks` has started them.

    Attributes:
        rank: of this one.
        world_size: how many, on all machines.
        local: how many, on this machine.
    """

    rank: int
    world_size: int
    local: int

    @property
    def nodes(self) -> int:
        """How many machines, with equally many processes each."""
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
    """Return whether this process is the one of all that speaks and writes."""
    ranks = launched_ranks()
    return ranks is None or ranks.rank == 0


def refuse_too_many(local: int, where: str) -> None:
    """Fail if there are GPUs, but fewer than `local` processes of a machine need.

    Raises:
        SettingsError: with how many there are.
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
    """Fail if a loader would have to give some row to two ranks.

    Raises:
        SettingsError: with the numbers.
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
    """Return whether all ranks have equally many batches, none empty, with each row once.

    Loaders then see to it: batches of two rows or more can leave a row for the rank that would
    have none.
    """
    return rows % ranks == 0 or (rows > ranks and batch_size > 1)
