"""Runs that are killed while they go on, each in a process of its own."""

import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

# Name of an artifact, changes of settings, and the optimiser step before which the run is killed.
Case = tuple[str, dict[str, Any], int]


def main() -> None:
    """Kill the run of each case that is given as Python, with `artifacts` and `out`, by SIGKILL."""
    import ast

    from shardmill.training.run.learner import Learner
    from shardmill.training.run.train_artifact import RunOptions, train_artifact

    artifacts, out = Path(sys.argv[1]), Path(sys.argv[2])
    cases: list[Case] = ast.literal_eval(sys.argv[3])
    step_of: dict[str, int] = {}
    training_step = Learner.training_step

    def die_or_step(self: Learner, batch: Any, index: int) -> Any:
        if self.global_step == step_of["kill"]:
            os.kill(os.getpid(), signal.SIGKILL)
        return training_step(self, batch, index)

    Learner.training_step = die_or_step  # type: ignore[method-assign]
    for number, (name, changes, step) in enumerate(cases):
        step_of["kill"] = step
        # Forked, since to import Lightning takes longer than to train. Nothing has computed yet.
        process = multiprocessing.get_context("fork").Process(
            target=train_artifact,
            args=(artifacts / name, out / str(number)),
            kwargs={"options": RunOptions(changes)},
        )
        process.start()
        process.join()
        print(process.exitcode)


if __name__ == "__main__":
    main()
