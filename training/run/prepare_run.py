"""Prepares a run: its rows, its model, and the place where it is kept."""

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning import seed_everything
from torch.utils.data import DataLoader

import shardmill
from shardmill import Manifest, OutputError, SettingsError, ShardDataset
from shardmill.training.models.build_model import build_model
from shardmill.training.models.freeze_parts import check_parts, freeze_in_epoch
from shardmill.training.models.start_model import start_model
from shardmill.training.run.callbacks import Memory
from shardmill.training.run.classifier import Classifier
from shardmill.training.run.fit_model import Plan
from shardmill.training.run.ranks import is_first_rank, refuse_shared_rows
from shardmill.training.run.report_epochs import Report
from shardmill.training.run.resume_run import LAST_NAME, check_same_run, run_facts
from shardmill.training.saved.load_model import Model
from shardmill.training.settings.settings import Settings
from shardmill.training.settings.settle_settings import default_metric
from shardmill.training.show.loggers import git_commit, require_loggers

_EVALUATION_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Run:
    """A run that can begin.

    Attributes:
        artifact: its folder.
        train: the train split.
        module: what is trained.
        loaders: by split, of labelled rows.
        plan: settings, and the run's folder.
        start: the model that it starts from, and in words what came over.
    """

    artifact: Path
    train: ShardDataset
    module: Classifier
    loaders: Mapping[str, DataLoader[Any]]
    plan: Plan
    start: Model | None
    origin: str | None


def prepare_run(
    artifact: Path,
    folder: Path,
    settings: Settings,
    *,
    start: Model | None,
    then: Mapping[str, Any] | None,
    report: Report,
) -> Run:
    """Return a run with fresh or transferred weights; nothing is written but its folder.

    A finished run that is in the folder is put aside, to `previous` in it, and what was there is
    lost; what is left of a run that was not finished is lost too. Logs stay where they are.

    Args:
        artifact: its folder.
        folder: of the run.
        settings: of the run.
        start: the model to start from.
        then: facts of the run that is resumed; see `run_facts`.
        report: what is to be said of its progress.

    Raises:
        ShardmillError: the baseline cannot be trained on this artifact in this way, or this is not
            the run that is to be resumed.
    """
    manifest = Manifest.load(artifact)
    splits = _open_splits(artifact, manifest)
    default = default_metric(settings, splits, manifest.name)
    loaders = _make_loaders(splits, settings)
    seed_everything(settings.seed, verbose=False)
    module, origin = _make_module(splits["train"], settings, start)
    checksum = start.facts.checksum if start else None
    now = run_facts(
        manifest.name, manifest.shard_key, model=module.model, settings=settings, start=checksum
    )
    if then is not None:
        check_same_run(then, now, folder / LAST_NAME)
    require_loggers(settings.log)
    _refuse_own_model(start, folder)
    if is_first_rank():
        _make_folder(folder, fresh=then is None)
    about = _configuration(artifact, manifest, settings)
    plan = Plan(settings, folder, default, Memory(now), about, report, resume=then is not None)
    return Run(artifact, splits["train"], module, loaders, plan, start, origin)


def _open_splits(artifact: Path, manifest: Manifest) -> dict[str, ShardDataset]:
    options: dict[str, Any] = {"layout": "bag"} if manifest.kind == "text" else {}
    return {
        name: shardmill.open(artifact, name, **options)
        for name, split in manifest.splits.items()
        if split.rows and (split.labelled or name == "train")
    }


def _make_loaders(
    splits: Mapping[str, ShardDataset], settings: Settings
) -> dict[str, DataLoader[Any]]:
    # A GPU computes while a thread gathers the next batches into memory that it can copy from.
    gpu = torch.cuda.is_available()
    options: dict[str, Any] = {"pin_memory": gpu, "prefetch": 2 * gpu}
    loaders: dict[str, DataLoader[Any]] = {}
    for name, dataset in splits.items():
        size = settings.batch_size if name == "train" else _EVALUATION_BATCH
        where = f"{dataset.path}, split {name}"
        refuse_shared_rows(len(dataset), size, settings.devices, where)
        shuffle = name == "train"
        loaders[name] = dataset.loader(size, shuffle=shuffle, seed=settings.seed, **options)
    return loaders


def _make_module(
    train: ShardDataset, settings: Settings, start: Model | None
) -> tuple[Classifier, str | None]:
    origin, transfer = None, settings.transfer
    shape = start.module.options.get("shape") if start else None
    model = build_model(train, settings.model, shape=shape)
    if start is not None and transfer is not None:
        started = start_model(model, start, train)
        check_parts(model, transfer.freeze, where=f"settings of {train.manifest.name}")
        # What thaws later must have gradients while ranks agree on what they share.
        if transfer.unfreeze_every is None:
            freeze_in_epoch(model, transfer, 0)
        origin = f"{start.folder}, {started}"
    steps = settings.epochs * math.ceil(len(train) / (settings.batch_size * settings.devices))
    return Classifier(model, settings, steps), origin


def _configuration(artifact: Path, manifest: Manifest, settings: Settings) -> dict[str, Any]:
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
            expected=f"a model outside of {folder}, where this run takes the place of another",
            found=str(start.folder),
            fix="choose another folder for this run with --out",
        )


def _make_folder(path: Path, *, fresh: bool) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        if fresh:
            _put_aside(path)
    except OSError as error:
        raise OutputError.unwritable(path, error, fix="choose another folder with --out") from None


def _put_aside(path: Path) -> None:
    previous = path / "previous"
    if not (path / "metrics.json").is_file():
        shutil.rmtree(path / "checkpoints", ignore_errors=True)
        return
    if (path / "model").exists():  # else a process was killed in what follows
        shutil.rmtree(previous, ignore_errors=True)
    previous.mkdir(exist_ok=True)
    for name in ("model", "checkpoints", "metrics.json"):
        if (path / name).exists():
            (path / name).rename(previous / name)
