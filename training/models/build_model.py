"""Makes the baseline for a dataset."""

from collections.abc import Sequence

import torch

from shardmill.datasets.dataset import ShardDataset
from shardmill.training.modalities.find_modality import find_modality
from shardmill.training.models.baseline import Baseline
from shardmill.training.models.number_head import NumberHead
from shardmill.training.models.target_scale import target_scale
from shardmill.training.models.untrainable import untrainable
from shardmill.training.objectives.find_task import find_task
from shardmill.training.settings.model_options import OF_KIND, ModelOptions


def build_model(
    dataset: ShardDataset,
    model: ModelOptions | None = None,
    *,
    shape: Sequence[int] | None = None,
) -> Baseline:
    """Return the baseline for the train split of an artifact, with fresh weights.

    Args:
        dataset: The train split.
        model: An architecture of its kind with the chosen options; None for the kind's first.
        shape: The shape [c, h, w] that images are brought to; None for the shape of the rows.

    Raises:
        UntrainableError: There is no single target of classes or numbers, it is the same in all
            rows, or the baseline does not take rows of this shape.
    """
    model = model or OF_KIND[dataset.kind][0]()
    is_number = find_task(dataset.manifest, dataset.where) == "number"
    classes = dataset.classes or ()
    if not is_number and len(classes) < 2:
        raise untrainable(dataset, "two classes or more", ", ".join(classes))
    modality = find_modality(dataset.kind)
    options = modality.backbone_options(dataset, model, shape=shape) | model.of_backbone()
    baseline = Baseline(model.architecture, options, None if is_number else len(classes))
    modality.prime_backbone(baseline.backbone, dataset)
    if isinstance(baseline.head, NumberHead):
        mean, std = target_scale(dataset)
        baseline.head.mean.copy_(torch.tensor(mean))
        baseline.head.std.copy_(torch.tensor(std))
    return baseline
