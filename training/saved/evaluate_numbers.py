"""Says how close the numbers of a model come to the true ones."""

from dataclasses import asdict, dataclass
from typing import Any

import torch

from shardmill.training.models.even_rows import even_rows
from shardmill.training.objectives.find_objective import find_objective
from shardmill.training.saved.load_model import Model
from shardmill.training.saved.open_evaluated import Evaluated

_SHOWN = 10_000  # rows that a picture shows at most


@dataclass(frozen=True, slots=True)
class NumberEvaluation:
    """How close a model comes. Errors are in the unit of the target.

    Attributes:
        model: The folder of the model.
        artifact: The folder of the artifact.
        split: The name of the split.
        sample: Whether its rows were generated.
        rows: How many rows it has.
        target: The name of the target.
        rmse: The root of the mean squared error.
        mae: The mean absolute error.
        r2: The share of the variance of the target in this split that the model explains, 1 at
            best; NaN for a single row.
        rmse_of_mean: The RMSE of the mean of the train split as a guess for each row.
        shown: The number of the model and the true one for up to 10,000 evenly spread rows.
    """

    model: str
    artifact: str
    split: str
    sample: bool
    rows: int
    target: str
    rmse: float
    mae: float
    r2: float
    rmse_of_mean: float
    shown: tuple[tuple[float, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the result for JSON, without `shown`. R² is None if it is NaN."""
        facts = {name: value for name, value in asdict(self).items() if name != "shown"}
        return {**facts, "r2": None if self.r2 != self.r2 else self.r2}


def evaluate_numbers(model: Model, evaluated: Evaluated, *, batch_size: int) -> NumberEvaluation:
    """Return how close a model comes to the numbers of a split.

    Args:
        model: A model of numbers.
        evaluated: The rows with their numbers.
        batch_size: How many rows the model takes at once.
    """
    objective, dataset = find_objective(model.module), evaluated.dataset
    metrics = objective.metrics()
    chosen = torch.tensor(even_rows(len(dataset), _SHOWN))
    shown: list[torch.Tensor] = []
    first = 0
    for x, y in dataset.loader(batch_size):
        output = model.outputs(x)
        compared = objective.compared(output, y)
        for metric in metrics.values():
            metric.update(*compared)
        places = chosen[(chosen >= first) & (chosen < first + len(y))] - first
        shown.append(torch.stack([output[places], y[places]], 1))
        first += len(y)
    assert model.facts.target is not None  # noqa: S101  the model returns numbers
    found: dict[str, Any] = {name: float(metric.compute()) for name, metric in metrics.items()}
    return NumberEvaluation(
        **evaluated.facts(),
        **found,
        target=model.facts.target.name,
        shown=tuple((float(a), float(b)) for a, b in torch.cat(shown).tolist()),
    )
