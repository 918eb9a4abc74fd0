"""Losses and metrics of numbers, against numpy in float64."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from shardmill.training.models.number_head import NumberHead
from shardmill.training.objectives.number_objective import NumberObjective


def head(mean: float, std: float) -> NumberHead:
    made = NumberHead(3)
    made.mean.fill_(mean)
    made.std.fill_(std)
    return made


def measured(objective: NumberObjective, output: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
    metrics = objective.metrics()
    for first in range(0, len(y), 7):
        some = slice(first, first + 7)
        for metric in metrics.values():
            metric.update(*objective.compared(output[some], y[some]))
    return {name: float(metric.compute()) for name, metric in metrics.items()}


# In float32, sums of squares of the last three would be wrong by much, infinite, and 0.
@pytest.mark.parametrize(
    ("mean", "std"), [(0, 1), (152, 77), (2e5, 30), (3e25, 1e24), (1e-29, 1e-30)]
)
def test_metrics_are_those_of_numpy(mean: float, std: float) -> None:
    draw = np.random.default_rng(0)
    y = torch.tensor(mean + std * draw.normal(size=500), dtype=torch.float32)
    output = torch.tensor(y.numpy() + 0.5 * std * draw.normal(size=500), dtype=torch.float32)
    found = measured(NumberObjective(head(mean, std), "squared"), output, y)
    true, said = y.double().numpy(), output.double().numpy()
    squares = (true - said) ** 2
    assert found["rmse"] == pytest.approx(math.sqrt(squares.mean()), rel=1e-5)
    assert found["mae"] == pytest.approx(abs(true - said).mean(), rel=1e-5)
    r2 = 1 - squares.sum() / ((true - true.mean()) ** 2).sum()
    assert found["r2"] == pytest.approx(r2, rel=1e-5)
    kept = float(head(mean, std).mean)
    of_mean = math.sqrt(((true - kept) ** 2).mean())
    assert found["rmse_of_mean"] == pytest.approx(of_mean, rel=1e-5)


def test_losses_are_of_the_standardised_target() -> None:
    y, output = torch.tensor([10.0, 20.0, 90.0]), torch.tensor([15.0, 20.0, 10.0])
    errors = torch.tensor([0.5, 0.0, 8.0])
    squared = NumberObjective(head(40, 10), "squared").loss(output, y)
    assert float(squared) == pytest.approx(float((errors**2).mean()))
    huber = NumberObjective(head(40, 10), "huber").loss(output, y)
    # Half the square up to an error of 1, and linear beyond.
    assert float(huber) == pytest.approx((0.125 + 0 + 7.5) / 3)
    assert torch.equal(huber, functional.huber_loss((output - 40) / 10, (y - 40) / 10))


def test_the_mean_has_a_loss_of_one() -> None:
    y = torch.tensor([1.0, 3.0, 5.0, 7.0])
    objective = NumberObjective(head(4, math.sqrt(5)), "squared")
    assert float(objective.loss(torch.full((4,), 4.0), y)) == pytest.approx(1)
    found = measured(objective, torch.full((4,), 4.0), y)
    assert found["rmse"] == pytest.approx(found["rmse_of_mean"])
    assert found["r2"] == pytest.approx(0, abs=1e-6)


def test_one_row_has_no_r2() -> None:
    found = measured(NumberObjective(head(0, 1), "squared"), torch.ones(1), torch.zeros(1))
    assert math.isnan(found.pop("r2"))
    assert found == {"rmse": 1, "mae": 1, "rmse_of_mean": 0}


def test_halves_are_compared_in_float32() -> None:
    objective = NumberObjective(head(300, 2), "squared")
    output, y = torch.tensor([301.0], dtype=torch.bfloat16), torch.tensor([301.0])
    assert all(t.dtype == torch.float32 for t in objective.compared(output, y))
    assert objective.loss(output, y).dtype == torch.float32
