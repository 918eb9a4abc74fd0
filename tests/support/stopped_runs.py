"""Runs that are stopped inside of an epoch, by an error that is none of ours."""

from typing import Any

import pytest


def stop_before(step: int, patch: pytest.MonkeyPatch) -> None:
    """Let each run raise InterruptedError before it makes this step, while `patch` lasts."""
    from shardmill.training.run.learner import Learner

    training_step = Learner.training_step

    def step_or_stop(self: Learner, batch: Any, index: int) -> Any:
        if self.global_step == step:
            raise InterruptedError
        return training_step(self, batch, index)

    patch.setattr(Learner, "training_step", step_or_stop)
