"""Saves a trained baseline with everything that is needed to use it."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass

from safetensors.torch import save

from shardmill.datasets.dataset import ShardDataset
from shardmill.serve.model_facts import ModelFacts, NumberTarget, TrainedOn
from shardmill.serve.model_folder import write_model
from shardmill.training.models.baseline import Baseline
from shardmill.training.models.number_head import NumberHead
from shardmill.training.objectives.find_task import target_name
from shardmill.training.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class Description:
    """How a model came to be.

    Attributes:
        settings: The settings of the training.
        metrics: The metrics that it reached.
        started_from: What the model was trained on that the training started from; None for fresh
            weights.
    """

    settings: Settings
    metrics: Mapping[str, float]
    started_from: TrainedOn | None = None


def save_model(
    folder: str | os.PathLike[str],
    module: Baseline,
    dataset: ShardDataset,
    training: Description,
) -> ModelFacts:
    """Write a model folder that needs nothing else, and return what it says of the model.

    Args:
        folder: The folder to write. A model that is there is replaced.
        module: The trained model, from `build_model`.
        dataset: The split that it was trained on.
        training: How it came to be.

    Raises:
        OutputError: The folder holds something else, or cannot be written.
        ArtifactError: The preprocessor of the artifact cannot be read.
    """
    manifest = dataset.manifest
    facts = ModelFacts(
        architecture=module.architecture,
        options=module.options,
        kind=manifest.kind,
        classes=dataset.classes or (),
        target=_number_target(module, dataset),
        trained_on=TrainedOn(
            name=manifest.name,
            shard_key=manifest.shard_key,
            recipe_sha256=manifest.recipe_sha256,
            sample=manifest.sample,
        ),
        started_from=training.started_from,
        settings=training.settings.to_dict(),
        metrics={k: v if math.isfinite(v) else None for k, v in training.metrics.items()},
        parameters=sum(p.numel() for p in module.parameters()),
    )
    # safetensors stores tensors row by row, whatever their order in memory.
    tensors = {name: tensor.cpu().contiguous() for name, tensor in module.state_dict().items()}
    write_model(folder, facts, save(tensors), dataset.preprocessor)
    return facts


def _number_target(module: Baseline, dataset: ShardDataset) -> NumberTarget | None:
    head = module.head
    if not isinstance(head, NumberHead):
        return None
    name = target_name(dataset.manifest.recipe)
    return NumberTarget(name=name, mean=float(head.mean), std=float(head.std))
