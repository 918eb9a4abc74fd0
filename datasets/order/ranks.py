"""The rank of this process, and how many there are."""

import torch.distributed


def rank_and_world_size(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """Return the rank and world size given, or those of `torch.distributed`, or 0 of 1.

    Raises:
        ValueError: One of the two is missing, or there is no such rank.
    """
    if rank is not None and world_size is not None:
        if not 0 <= rank < world_size:
            raise ValueError(
                f"rank must be from 0 up to world_size - 1, not {rank} of {world_size}"
            )
        return rank, world_size
    if rank is not None or world_size is not None:
        raise ValueError("rank and world_size go together: give both, or neither")
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1
