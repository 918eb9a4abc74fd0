"""Finds what is shown of the target of a dataset."""

from shardmill.datasets.dataset import ShardDataset
from shardmill.training.objectives.find_task import find_task
from shardmill.training.show import show_classes, show_numbers
from shardmill.training.show.display import Display


def find_display(dataset: ShardDataset) -> Display:
    """Return what is shown of the target of a dataset that a model is trained on."""
    numbers = find_task(dataset.manifest, dataset.where) == "number"
    return show_numbers if numbers else show_classes
