"""Opens the rows that a saved model is evaluated on, if they fit it."""

import os
from dataclasses import dataclass
from typing import Any

from shardmill.datasets.dataset import ShardDataset
from shardmill.datasets.open_artifact import open as open_split
from shardmill.errors import ModelError
from shardmill.serve.preprocessor import Preprocessor
from shardmill.training.modalities.find_modality import find_modality
from shardmill.training.models.agreement import first_difference, input_terms
from shardmill.training.objectives.find_task import target_name
from shardmill.training.saved.load_model import Model


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Rows with labels that a model can be evaluated on.

    Attributes:
        model: The folder of the model, or its URL.
        artifact: The folder of the artifact, or its URL.
        dataset: The split of the artifact.
    """

    model: str
    artifact: str
    dataset: ShardDataset

    def facts(self) -> dict[str, Any]:
        """Return the facts that every evaluation says of its rows."""
        dataset = self.dataset
        facts = {"split": dataset.split, "sample": dataset.sample, "rows": len(dataset)}
        return {"model": self.model, "artifact": self.artifact, **facts}


def open_evaluated(
    model: Model,
    artifact: str | os.PathLike[str],
    split: str,
    *,
    cache: str | os.PathLike[str] | None = None,
) -> Evaluated:
    """Return the rows of a split, if the model can be evaluated on them.

    Args:
        model: The model.
        artifact: The folder of the artifact, or its URL.
        split: The name of the split.
        cache: For a URL, the folder into which files are brought; None for the user's own.

    Raises:
        ModelError: The rows mean something else than those that the model was trained on, or none
            has a label.
        ArtifactError: The artifact cannot be read.
        StorageError: The storage at the URL refused or failed.
    """
    train = open_split(artifact, cache=cache)
    preprocessor = train.preprocessor
    # The kind is checked first, since another kind has other options.
    _check_kind(model, train, preprocessor)
    options = find_modality(model.facts.kind).open_options(train.manifest)
    dataset = open_split(artifact, split, manifest=train.manifest, cache=cache, **options)
    _check_fits(model, dataset, preprocessor)
    return Evaluated(model.where, str(artifact), dataset)


def _check_kind(model: Model, dataset: ShardDataset, preprocessor: Preprocessor) -> None:
    if preprocessor.recipe.kind != model.facts.kind:
        expected = f"an artifact of kind {model.facts.kind}, as {model.where} was trained on"
        raise _misfit(dataset.where, expected, f"one of kind {preprocessor.recipe.kind}")


def _check_fits(model: Model, dataset: ShardDataset, preprocessor: Preprocessor) -> None:
    if not dataset.labelled or not len(dataset):
        where = f"{dataset.where}, split {dataset.split}"
        raise _misfit(where, "rows with labels", f"{len(dataset):,} without a target")
    target = model.facts.target
    ours = {"target": [target.name] if target else [], "classes": list(model.classes)}
    theirs = {"target": _number(dataset), "classes": list(dataset.classes or ())}
    ours |= input_terms(model.preprocessor)
    theirs |= input_terms(preprocessor)
    if different := first_difference(ours, theirs):
        expected, found = different
        raise _misfit(dataset.where, f"{expected}, as {model.where} was trained on", found)


def _number(dataset: ShardDataset) -> list[str]:
    """Return the name of the only target, if it is a number."""
    roles = [field.role for field in dataset.fields if field.is_target]
    return [target_name(dataset.manifest.recipe)] if roles == ["number"] else []


def _misfit(where: object, expected: str, found: str) -> ModelError:
    fix = "name an artifact that the same recipe made, or train a model on this one"
    return ModelError(where, expected=expected, found=found, fix=fix)
