"""Makes the baseline for a dataset."""

from collections.abc import Sequence

from shardmill.datasets.dataset import ShardDataset
from shardmill.training.modalities.find_modality import find_modality
from shardmill.training.models.baseline import Baseline
from shardmill.training.models.untrainable import untrainable
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
        UntrainableError: There is no target of classes, or the baseline does not take rows of this
            shape.
    """
    model = model or OF_KIND[dataset.kind][0]()
    targets = [field for field in dataset.fields if field.is_target]
    if dataset.classes is None or [field.role for field in targets] != ["class"]:
        found = ", ".join(f"{f.name} of role {f.role}" for f in targets) or "none"
        raise untrainable(dataset, "one target that is a class to learn", found)
    if len(dataset.classes) < 2:
        raise untrainable(dataset, "two classes or more", ", ".join(dataset.classes))
    modality = find_modality(dataset.kind)
    options = modality.backbone_options(dataset, model, shape=shape) | model.of_backbone()
    baseline = Baseline(model.architecture, options, len(dataset.classes))
    modality.prime_backbone(baseline.backbone, dataset)
    return baseline
