"""One rank of tests/training/run/test_train_ranks.py, as torchrun starts it."""

import ast
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from torch import Tensor, distributed, nn

from shardmill.datasets.loader import Loader

# By split, how often each row was gathered.
Seen = dict[str, Counter[int]]


def count_rows(seen: Seen) -> None:
    """Make all loaders count the rows that they gather."""
    gather = Loader._batches

    def counted(self: Loader, rows: Tensor) -> Any:
        dataset: Any = self.dataset
        seen.setdefault(dataset.split, Counter()).update(rows.flatten().tolist())
        return gather(self, rows)

    Loader._batches = counted  # type: ignore[method-assign]


def main() -> None:
    """Train on some artifacts, one after another, and write what each rank has seen and got."""
    from shardmill.training.run.learner import Learner
    from shardmill.training.run.train_artifact import RunOptions, train_artifact

    artifacts, out = Path(sys.argv[1]), Path(sys.argv[2])
    nn.Dropout.forward = lambda self, x: x  # type: ignore[method-assign, assignment]
    seen: Seen = {}
    count_rows(seen)
    found = []
    stop_at: list[int] = []
    training_step = Learner.training_step

    def step_or_stop(self: Learner, batch: Any, index: int) -> Any:
        if self.global_step in stop_at:
            raise InterruptedError
        return training_step(self, batch, index)

    Learner.training_step = step_or_stop  # type: ignore[method-assign]
    for name, changes in ast.literal_eval(sys.argv[3]):
        seen.clear()
        result = train_artifact(artifacts / name, out, options=RunOptions(changes))
        found.append((result.metrics, {split: list(c.items()) for split, c in seen.items()}))
    # Stopped inside an epoch, after a checkpoint, and resumed.
    stop_at.append(20)
    changes["checkpoint"] = {"every_n_steps": 4}
    try:
        train_artifact(artifacts / name, out / "stopped", options=RunOptions(changes))
    except InterruptedError:
        stop_at.clear()
        resumed = RunOptions(resume=True)
        found.append(
            (train_artifact(artifacts / name, out / "stopped", options=resumed).metrics, {})
        )
    (out / f"rank-{os.environ['RANK']}.json").write_text(json.dumps(found))
    # As in `run_rank`: threads of the group that still run when Python ends can abort the process.
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
