"""Trains the baseline of an artifact's kind and writes what came of it."""

import json
import math
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from lightning import seed_everything
from torch.utils.data import DataLoader

import shardmill
from shardmill import Manifest, OutputError, ShardDataset
from shardmill.training.baseline import Baseline
from shardmill.training.build_model import build_model
from shardmill.training.callbacks import Memory
from shardmill.training.classifier import Classifier
from shardmill.training.fit_model import Fitted, Plan, fit_model
from shardmill.training.freeze_parts import check_parts, count_parameters, freeze_in_epoch
from shardmill.training.launch_ranks import launch_ranks
from shardmill.training.load_model import Model
from shardmill.training.load_settings import merge
from shardmill.training.loggers import git_commit, log_result, require_loggers, ways_to_look
from shardmill.training.ranks import launched_ranks, refuse_shared_rows, refuse_too_many
from shardmill.training.report_epochs import Report
from shardmill.training.resume_run import check_same_run, read_facts, run_facts
from shardmill.training.run_rank import RESULT_NAME, TASK_NAME
from shardmill.training.save_model import Description, save_model
from shardmill.training.settings import Settings
from shardmill.training.settle_settings import default_metric, load_start, settle_settings
from shardmill.training.start_model import start_model
from shardmill.training.wandb_runs import ending_wandb

_EVALUATION_BATCH = 1024


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is made.

    Attributes:
        changes: settings in place of the baseline's, as nested tables.
        resume: go on from the last checkpoint of the run.
        report: what is said of its progress, on stderr.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    resume: bool = False
    report: Report = "nothing"


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gave.

    Attributes:
        artifact, folder: of the artifact, and of the run.
        kind: of the artifact.
        sample: its rows were generated.
        evaluated: a split with labels that was not trained on, if there is one; "test" before all.
        devices: processes that trained it.
        metrics: losses and accuracies by split.
        seconds: that this start of the run took.
        stopped: why it ended before its last epoch, if it did.
        look: files and commands that show what was logged.
        origin: what it started from, if not from fresh weights.
        parameters: of the model.
        trained: how many of them the last epoch trained.
    """

    name: str
    artifact: Path
    folder: Path
    kind: str
    sample: bool
    evaluated: str | None
    devices: int
    metrics: dict[str, float]
    seconds: float
    stopped: str | None
    look: tuple[str, ...]
    origin: str | None
    parameters: int
    trained: int

    def to_dict(self) -> dict[str, Any]:
        """Return the result for JSON."""
        return {**asdict(self), "artifact": str(self.artifact), "folder": str(self.folder)}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> "Result":
        """Return the result that `to_dict` made facts of."""
        places = {name: Path(facts[name]) for name in ("artifact", "folder")}
        return cls(**{**facts, **places, "look": tuple(facts["look"])})


@ending_wandb()
def train_artifact(
    artifact: Path,
    out: Path,
    *,
    seed: int | None = None,
    epochs: int | None = None,
    options: RunOptions = RunOptions(),
) -> Result:
    """Train on the train split, evaluate on the other labelled splits, write metrics.json, model/.

    Checkpoints go to `checkpoints` in the run's folder, what is logged to `logs`. With several
    devices, each is trained on by a process of its own; under torchrun these are torchrun's.

    Args:
        artifact: the artifact's folder.
        out: folder of the runs; this one goes to `out`/<name of the artifact>.
        seed: of weights, order and dropout; for `changes`.
        epochs: passes over the train split; for `changes`.
        options: everything else.

    Raises:
        ShardmillError: the artifact cannot be read, the settings have faults, the baseline cannot
            be trained on it, the loss diverged, or there is no such run to resume.
    """
    manifest = Manifest.load(artifact)
    folder = out / manifest.name
    last = folder / "checkpoints" / "last.ckpt"
    then = read_facts(last) if options.resume else None
    changes = merge(options.changes, _given(seed=seed, epochs=epochs))
    ranks = launched_ranks()
    then_settings = then["settings"] if then else {}
    start = load_start(merge(then_settings, changes))
    settings = settle_settings(manifest, changes, then=then_settings, start=start, ranks=ranks)
    refuse_too_many(ranks.local if ranks else settings.devices, f"settings of {manifest.name}")
    if settings.devices > 1 and ranks is None:
        return _train_in_ranks(artifact, out, settings.devices, replace(options, changes=changes))
    splits = _open_splits(artifact, manifest)
    default = default_metric(settings, splits, manifest.name)
    loaders = _loaders(splits, settings)
    seed_everything(settings.seed, verbose=False)
    module, origin = _make_module(splits["train"], settings, start)
    checksum = start.facts.checksum if start else None
    now = run_facts(manifest.name, manifest.shard_key, module.model, settings, start=checksum)
    if then is not None:
        check_same_run(then, now, last)
    require_loggers(settings.log)
    first = ranks is None or ranks.rank == 0
    if first:
        _make_folder(folder, fresh=then is None)
    about = _configuration(artifact, manifest, settings)
    plan = Plan(settings, folder, default, Memory(now), about, options.report, options.resume)
    started = time.perf_counter()
    fitted = fit_model(module, loaders, plan)
    seconds = round(time.perf_counter() - started, 2)
    trained, parameters = _count_parameters(module.model, settings, fitted.epochs)
    # The one place where the trained module, its metrics and all facts are at hand.
    if first:
        module.float()  # as it is saved and loaded, whatever it was trained in
        rows = {name: len(dataset) for name, dataset in splits.items()}
        facts = {**about, "rows": rows, "sample": manifest.sample, "seconds": seconds}
        facts |= {"origin": origin, "parameters": parameters, "parameters_trained": trained}
        _write_metrics(folder, fitted, facts)
        started_from = start.facts.trained_on if start else None
        description = Description(settings, fitted.metrics, started_from)
        save_model(folder / "model", module.model, splits["train"], description)
        log_result(module.loggers, about, fitted.metrics, folder / "model")
    return Result(
        name=manifest.name,
        artifact=artifact,
        folder=folder,
        kind=manifest.kind,
        sample=manifest.sample,
        evaluated=next((name for name in ("test", "validation") if name in splits), None),
        devices=settings.devices,
        metrics=fitted.metrics,
        seconds=seconds,
        stopped=fitted.stopped,
        look=tuple(ways_to_look(settings.log, folder / "logs")),
        origin=origin,
        parameters=parameters,
        trained=trained,
    )


def _train_in_ranks(artifact: Path, out: Path, devices: int, options: RunOptions) -> Result:
    """Train as `train_artifact` does, in a process for each device."""
    with TemporaryDirectory(prefix="shardmill-") as name:
        folder = Path(name)
        task = {"artifact": str(artifact), "out": str(out), "options": asdict(options)}
        (folder / TASK_NAME).write_text(json.dumps(task), encoding="utf-8")
        command = [sys.executable, "-m", "shardmill.training.run_rank", name]
        launch_ranks(command, devices, folder)
        return Result.from_dict(json.loads((folder / RESULT_NAME).read_bytes()))


def _given(**settings: int | None) -> dict[str, int]:
    return {key: value for key, value in settings.items() if value is not None}


def _configuration(artifact: Path, manifest: Manifest, settings: Settings) -> dict[str, Any]:
    return {
        "artifact": str(artifact),
        "commit": git_commit(),
        "name": manifest.name,
        "recipe_sha256": manifest.recipe_sha256,
        "settings": settings.to_dict(),
        "shard_key": manifest.shard_key,
    }


def _open_splits(artifact: Path, manifest: Manifest) -> dict[str, ShardDataset]:
    options: dict[str, Any] = {"layout": "bag"} if manifest.kind == "text" else {}
    return {
        name: shardmill.open(artifact, name, **options)
        for name, split in manifest.splits.items()
        if split.rows and (split.labelled or name == "train")
    }


def _make_module(
    train: ShardDataset, settings: Settings, start: Model | None
) -> tuple[Classifier, str | None]:
    """Return the module and, in words, what it starts from."""
    model, origin, transfer = build_model(train, settings.model), None, settings.transfer
    if start is not None and transfer is not None:
        model, started = start_model(model, start, train)
        check_parts(model, transfer.freeze, where=f"settings of {train.manifest.name}")
        freeze_in_epoch(model, transfer, 0)
        origin = f"{start.folder}, {started}"
    steps = settings.epochs * math.ceil(len(train) / (settings.batch_size * settings.devices))
    return Classifier(model, settings, steps), origin


def _count_parameters(model: Baseline, settings: Settings, epochs: int) -> tuple[int, int]:
    """Return how many parameters the last epoch trained, and how many there are."""
    if settings.transfer is not None:
        freeze_in_epoch(model, settings.transfer, epochs - 1)
    return count_parameters(model)


def _loaders(splits: Mapping[str, ShardDataset], settings: Settings) -> dict[str, DataLoader[Any]]:
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


def _make_folder(path: Path, *, fresh: bool) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        if fresh:  # what an older run left would be taken for this one's
            for old in ("metrics.json", "checkpoints/last.ckpt", "checkpoints/best.ckpt"):
                (path / old).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError.unwritable(path, error, fix="choose another folder with --out") from None


def _write_metrics(folder: Path, fitted: Fitted, facts: Mapping[str, Any]) -> None:
    facts = {
        **facts,
        "epochs_trained": fitted.epochs,
        "metrics": fitted.metrics,
        "stopped": fitted.stopped,
    }
    text = json.dumps(facts, indent=2, sort_keys=True) + "\n"
    (folder / "metrics.json").write_text(text, encoding="utf-8")
