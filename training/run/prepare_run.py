"""Prepares a run: its rows, its model and its folder."""

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning import seed_everything
from torch.utils.data import DataLoader

from shardmill.atomic import make_folder
from shardmill.datasets.dataset import ShardDataset
from shardmill.datasets.open_artifact import open as open_split
from shardmill.errors import OutputError, SettingsError
from shardmill.format.manifest import Manifest
from shardmill.training.modalities.find_modality import find_modality
from shardmill.training.models.build_model import build_model
from shardmill.training.models.freeze_parts import check_parts, freeze_in_epoch
from shardmill.training.models.start_model import start_model
from shardmill.training.objectives.find_task import find_task
from shardmill.training.run.callbacks import Memory
from shardmill.training.run.fit_model import RunPlan
from shardmill.training.run.learner import Learner
from shardmill.training.run.ranks import is_first_rank, refuse_shared_rows
from shardmill.training.run.report_epochs import Report
from shardmill.training.run.resume_run import LAST_NAME, check_same_run, run_facts
from shardmill.training.saved.load_model import Model
from shardmill.training.settings.settings import Settings
from shardmill.training.settings.settle_settings import default_metric
from shardmill.training.show.loggers import git_commit, require_loggers
from shardmill.urls import PathOrUrl, is_url

_EVALUATION_BATCH = 1024


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run is asked to do.

    Attributes:
        artifact: The folder of the artifact, or its URL.
        manifest: The manifest of the artifact.
        folder: The folder of the run.
        settings: The settings of the run.
        start: The model to start from; None for fresh weights.
        resumed: The facts of the run that is resumed, see `run_facts`; None for a new run.
        report: How progress is reported.
        cache: The folder into which files of a URL are brought; None for the user's own.
    """

    artifact: PathOrUrl
    manifest: Manifest
    folder: Path
    settings: Settings
    start: Model | None
    resumed: Mapping[str, Any] | None
    report: Report
    cache: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run that can begin.

    Attributes:
        request: What the run is asked to do.
        train: The train split.
        module: The model with its loss.
        loaders: The loaders of labelled rows, by split.
        plan: How the run will be made.
        origin: What it starts from and what was carried over, in words; None for fresh weights.
    """

    request: RunRequest
    train: ShardDataset
    module: Learner
    loaders: Mapping[str, DataLoader[Any]]
    plan: RunPlan
    origin: str | None


def prepare_run(request: RunRequest) -> Run:
    """Return a run with fresh or transferred weights. Nothing is written but its folder.

    Training into a folder that already holds a finished run moves that run to `previous/`,
    replacing any older one there. What is left of an unfinished run is removed. Logs are never
    moved.

    Raises:
        UntrainableError: The baseline cannot be trained on this artifact.
        SettingsError: The settings do not fit the artifact, the model or this machine.
        ModelError: The model to start from does not fit.
        ResumeError: This is not the run that is to be resumed.
        ArtifactError: The artifact cannot be read.
        StorageError: The storage at a URL refused or failed.
        OutputError: The folder of the run cannot be written.
    """
    artifact, folder, settings = request.artifact, request.folder, request.settings
    start, manifest = request.start, request.manifest
    splits = _open_splits(request)
    default = default_metric(settings, splits, manifest.name)
    loaders = _make_loaders(splits, settings)
    seed_everything(settings.seed, verbose=False)
    module, origin = _make_module(splits["train"], settings, start)
    checksum = start.facts.checksum if start else None
    now = run_facts(
        manifest.name, manifest.shard_key, model=module.model, settings=settings, start=checksum
    )
    if request.resumed is not None:
        check_same_run(request.resumed, now, folder / LAST_NAME)
    require_loggers(settings.log)
    _refuse_own_model(start, folder)
    if is_first_rank():
        _make_folder(folder, fresh=request.resumed is None)
    plan = RunPlan(
        settings=settings,
        task=find_task(manifest, artifact),
        folder=folder,
        default=default,
        memory=Memory(now),
        configuration=_configuration(artifact, manifest, settings),
        report=request.report,
        resume=request.resumed is not None,
    )
    return Run(request, splits["train"], module, loaders, plan, origin)


def _open_splits(request: RunRequest) -> dict[str, ShardDataset]:
    artifact, manifest = request.artifact, request.manifest
    options = find_modality(manifest.kind).open_options(manifest)
    if is_url(artifact):
        options["cache"] = request.cache
    return {
        name: open_split(artifact, name, manifest=manifest, **options)
        for name, split in manifest.splits.items()
        if split.rows and (split.labelled or name == "train")
    }


def _make_loaders(
    splits: Mapping[str, ShardDataset], settings: Settings
) -> dict[str, DataLoader[Any]]:
    # While a GPU computes, a thread gathers the next batches into memory that it can copy from.
    gpu = torch.cuda.is_available()
    options: dict[str, Any] = {"pin_memory": gpu, "prefetch": 2 * gpu}
    loaders: dict[str, DataLoader[Any]] = {}
    for name, dataset in splits.items():
        size = settings.batch_size if name == "train" else _EVALUATION_BATCH
        where = f"{dataset.where}, split {name}"
        refuse_shared_rows(len(dataset), size, settings.devices, where)
        shuffle = name == "train"
        loaders[name] = dataset.loader(size, shuffle=shuffle, seed=settings.seed, **options)
    return loaders


def _make_module(
    train: ShardDataset, settings: Settings, start: Model | None
) -> tuple[Learner, str | None]:
    origin, transfer = None, settings.transfer
    shape = start.module.options.get("shape") if start else None
    model = build_model(train, settings.model, shape=shape)
    if start is not None and transfer is not None:
        started = start_model(model, start, train)
        check_parts(model, transfer.freeze, where=f"settings of {train.manifest.name}")
        # Parts that thaw later must have gradients when the ranks agree on what they share.
        if transfer.unfreeze_every is None:
            freeze_in_epoch(model, transfer, 0)
        origin = f"{start.where}, {started}"
    steps = settings.epochs * math.ceil(len(train) / (settings.batch_size * settings.devices))
    return Learner(model, settings, steps), origin


def _configuration(artifact: PathOrUrl, manifest: Manifest, settings: Settings) -> dict[str, Any]:
    return {
        "artifact": str(artifact),
        "commit": git_commit(),
        "name": manifest.name,
        "recipe_sha256": manifest.recipe_sha256,
        "settings": settings.to_dict(),
        "shard_key": manifest.shard_key,
    }


def _refuse_own_model(start: Model | None, folder: Path) -> None:
    if start is not None and folder.resolve() in start.folder.resolve().parents:
        raise SettingsError(
            "settings: transfer.model",
            expected=f"a model outside of {folder}, which this run replaces",
            found=start.where,
            fix="choose another folder for this run with --out",
        )


def _make_folder(path: Path, *, fresh: bool) -> None:
    try:
        make_folder(path)
        if fresh:
            _put_aside(path)
    except OSError as error:
        raise OutputError.unwritable(path, error, fix="choose another folder with --out") from None


def _put_aside(path: Path) -> None:
    previous = path / "previous"
    if not (path / "metrics.json").is_file():
        shutil.rmtree(path / "checkpoints", ignore_errors=True)
        return
    if (path / "model").exists():  # otherwise a process was killed in the lines below
        shutil.rmtree(previous, ignore_errors=True)
    previous.mkdir(exist_ok=True)
    for name in ("model", "checkpoints", "metrics.json"):
        if (path / name).exists():
            (path / name).rename(previous / name)
