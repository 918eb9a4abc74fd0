"""Decides on the settings of a run, from all places that state some."""

from collections.abc import Collection, Mapping
from typing import Any

from shardmill.errors import SettingsError
from shardmill.format.manifest import Manifest
from shardmill.training.objectives.measures import MEASURES, Task
from shardmill.training.run.ranks import Ranks
from shardmill.training.saved.load_model import Model, load_model
from shardmill.training.settings.load_settings import base_settings, check_settings, merge
from shardmill.training.settings.settings import Metric, Settings


def load_start(settings: Mapping[str, Any], cache: str | None = None) -> Model | None:
    """Return the model that the settings name to start from; None if they name none.

    Args:
        settings: The settings as nested tables.
        cache: The folder into which the files of a URL are brought; None for the user's own.

    Raises:
        ArtifactError: The model cannot be read.
        StorageError: The storage at the URL refused or failed.
    """
    transfer = settings.get("transfer")
    model = transfer.get("model") if isinstance(transfer, Mapping) else None
    return load_model(model, cache=cache) if model and isinstance(model, str) else None


def settle_settings(
    manifest: Manifest,
    changes: Mapping[str, Any],
    *,
    task: Task,
    resumed: Mapping[str, Any] | None,
    start: Model | None,
    ranks: Ranks | None,
) -> Settings:
    """Return the settings of a run: the baseline's with changes.

    Args:
        manifest: The manifest of the artifact.
        changes: The changes as nested tables.
        task: What a model of the artifact is to tell.
        resumed: The settings of the run that is resumed, which replace the baseline's.
        start: The model to start from. The run takes over its architecture and options.
        ranks: The processes that torchrun has started, if it has. There are as many devices.

    Raises:
        SettingsError: The settings have faults; `found` lists them all.
    """
    if start is not None and start.facts.kind == manifest.kind:
        model = start.facts.settings.get("model")
        changes = merge({"model": model} if model else {}, changes)
    base = resumed or base_settings(manifest.kind, changes, task=task)
    where = f"settings of {manifest.name}"
    settings = check_settings(merge(base, changes), where=where, kinds=[manifest.kind])
    _refuse_what_others_have(settings, task, where)
    if ranks is None or settings.devices == ranks.world_size:
        return settings
    if "devices" in changes and not resumed:
        raise SettingsError(
            f"{where}: devices",
            expected=f"{ranks.world_size}, as torchrun has started so many processes",
            found=str(settings.devices),
            fix="leave devices to torchrun",
        )
    return settings.model_copy(update={"devices": ranks.world_size})


def default_metric(settings: Settings, splits: Collection[str], name: str) -> Metric:
    """Return the metric of early stopping and checkpoints if the settings name none.

    Raises:
        SettingsError: They name a metric of the validation split, and there is no such split.
    """
    if "validation" in splits:
        return "validation_loss"
    for table in ("early_stopping", "checkpoint"):
        metric = getattr(getattr(settings, table), "metric", None)
        if metric is not None and metric != "train_loss":
            raise SettingsError(
                f"settings of {name}: {table}.metric",
                expected="train_loss, as there is no validation split with rows and labels",
                found=metric,
                fix=f"leave {table}.metric out, or hold out a validation split in the recipe",
            )
    return "train_loss"


_ARE = {"class": "classes", "number": "numbers"}
# With these, Lightning would round the targets, too.
_ROUNDED = ("bf16-true",)


def _refuse_what_others_have(settings: Settings, task: Task, where: str) -> None:
    measures = MEASURES[task]
    known = ("train_loss", *measures.of("validation"))
    stopping, kept = settings.early_stopping, settings.checkpoint
    given = [
        ("loss", settings.loss, measures.losses),
        ("early_stopping.metric", stopping.metric if stopping else None, known),
        ("checkpoint.metric", kept.metric, known),
    ]
    for key, value, possible in given:
        if value is not None and value not in possible:
            raise SettingsError(
                f"{where}: {key}",
                expected=f"one of {', '.join(possible)}, since the targets are {_ARE[task]}",
                found=value,
                fix=f"set {key} to one of these, or leave it out",
            )
    if task == "number" and settings.precision in _ROUNDED:
        raise SettingsError(
            f"{where}: precision",
            expected="a precision that does not round the numbers that are the targets",
            found=settings.precision,
            fix="set precision to bf16-mixed, which computes as fast",
        )
