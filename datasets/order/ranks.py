"""The rank of this process, how many there are, and on how many nodes they run."""

import os

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


def node_count(nodes: int | None, world_size: int) -> int:
    """Return the number of nodes given, or that of the launcher. Each runs as many ranks.

    The ranks of a node follow one another. torchrun says in `LOCAL_WORLD_SIZE` how many there are
    (https://pytorch.org/docs/stable/elastic/run.html#environment-variables).

    Raises:
        ValueError: The ranks cannot be divided evenly among the nodes, or nobody says how many
            nodes there are.
    """
    if nodes is None and world_size > 1:
        local = os.environ.get("LOCAL_WORLD_SIZE", "")
        if not local.isdecimal() or int(local) < 1:
            raise ValueError(
                f"there are {world_size} ranks, and LOCAL_WORLD_SIZE does not say how many of them "
                "a node runs: give nodes, the number of nodes"
            )
        # All nodes must find the same number. torchrun says it itself.
        nodes = int(os.environ.get("GROUP_WORLD_SIZE", max(world_size // int(local), 1)))
        if nodes * int(local) != world_size:
            raise ValueError(
                f"nodes must run equally many ranks, and this one runs {local} of {world_size}: "
                "start as many on each, or give nodes"
            )
    nodes = 1 if nodes is None else nodes
    if nodes < 1 or world_size % nodes:
        raise ValueError(f"{world_size} ranks cannot be divided evenly among {nodes} nodes")
    return nodes
