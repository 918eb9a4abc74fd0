"""The steps that ranks take through an epoch, as tests of orders look at them."""

import json
from itertools import islice
from typing import Any

from shardmill.datasets.order.epoch_order import EpochOrder

Step = list[list[int]]  # the batch of each rank
State = dict[str, Any]


def steps_of(orders: list[EpochOrder], batches: int | None = None) -> tuple[list[Step], State]:
    """Return the next steps of all ranks, up to `batches`, and the state after them."""
    iterators = [iter(order) for order in orders]
    by_rank = [[rows.tolist() for rows in islice(rows, batches)] for rows in iterators]
    states = [order.state_dict() for order in orders]
    assert all(state == states[0] for state in states)
    return [list(step) for step in zip(*by_rank, strict=True)], json.loads(json.dumps(states[0]))


def rows_of(steps: list[Step]) -> list[int]:
    """Return the rows of steps, one after another."""
    return [row for step in steps for rows in step for row in rows]
