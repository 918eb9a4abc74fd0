"""Saves a trained baseline with all that it takes to use it."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass

from safetensors.torch import save

from shardmill import ModelFacts, Preprocessor, ShardDataset, TrainedOn, write_model
from shardmill.training.models.baseline import Baseline
from shardmill.training.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class Description:
    """How a model came to be.

    Attributes:
        settings: of the training.
        metrics: what it gave.
        started_from: what the model that it started from was trained on.
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
        folder: to write; a model that is there is replaced.
        module: from `build_model`.
        dataset: that it was trained on.
        training: how it came to be.

    Raises:
        OutputError: the folder holds something else, or cannot be written.
        ArtifactError: the preprocessor of the artifact cannot be read.
    """
    manifest = dataset.manifest
    facts = ModelFacts(
        architecture=module.architecture,
        options=module.options,
        kind=manifest.kind,
        classes=dataset.classes or (),
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
    # safetensors stores tensors in the order of their dimensions, whatever that in memory.
    tensors = {name: tensor.cpu().contiguous() for name, tensor in module.state_dict().items()}
    write_model(folder, facts, save(tensors), Preprocessor.load(dataset.path))
    return facts
