"""Finds the objective of a model."""

from shardmill.training.models.baseline import Baseline
from shardmill.training.models.number_head import NumberHead
from shardmill.training.objectives.class_objective import ClassObjective
from shardmill.training.objectives.measures import MEASURES
from shardmill.training.objectives.number_objective import NumberObjective
from shardmill.training.objectives.objective import Objective


def find_objective(model: Baseline, loss: str | None = None) -> Objective:
    """Return the objective of a model.

    Args:
        model: The model.
        loss: The loss to train by, one of `measures.MEASURES`; None for the first of them.
    """
    if isinstance(model.head, NumberHead):
        return NumberObjective(model.head, loss or MEASURES["number"].losses[0])
    return ClassObjective(model.head.out_features)
