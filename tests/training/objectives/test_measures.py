"""The names of metrics agree wherever they stand."""

from typing import get_args

import pytest
from torch import nn

from shardmill.training.models.baseline import Baseline
from shardmill.training.objectives.find_objective import find_objective
from shardmill.training.objectives.measures import MEASURES, Task, better, in_any_unit
from shardmill.training.settings.settings import Metric, Settings


@pytest.mark.parametrize(("task", "classes"), [("class", 3), ("number", None)])
def test_an_objective_measures_what_it_says(task: Task, classes: int | None) -> None:
    model = Baseline("tabular_mlp", {"mean": [0.0], "std": [1.0]}, classes)
    assert isinstance(model.head, nn.Linear)
    assert find_objective(model).metrics().keys() == MEASURES[task].better.keys()


def test_settings_know_all_losses_and_metrics() -> None:
    known = {name for measures in MEASURES.values() for name in measures.of("validation")}
    # That of the mean is the same in every epoch.
    assert {"train_loss", *known} - set(get_args(Metric)) == {"validation_rmse_of_mean"}
    losses = [name for measures in MEASURES.values() for name in measures.losses]
    stated = get_args(Settings.model_fields["loss"].annotation)[0]
    assert set(get_args(stated)) == set(losses)


def test_directions() -> None:
    rising = {"validation_accuracy", "test_accuracy", "validation_r2"}
    for metric in (*get_args(Metric), "test_accuracy"):
        assert better(metric) == ("max" if metric in rising else "min")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00"),
        (-0.5, "-0.500"),
        (999.99, "1000"),
        (54.123, "54.12"),
        (1234.5, "1234"),
        (1.5e-9, "1.50e-09"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_of_any_unit(value: float, text: str) -> None:
    assert in_any_unit(value) == text
