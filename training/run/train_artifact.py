"""Trains a baseline on an artifact, and writes the model and its metrics."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shardmill.datasets.open_artifact import open as open_split
from shardmill.training.models.baseline import Baseline
from shardmill.training.models.freeze_parts import count_parameters, freeze_in_epoch
from shardmill.training.objectives.find_task import find_task
from shardmill.training.objectives.measures import Task
from shardmill.training.run.fit_model import FitResult, fit_model
from shardmill.training.run.launch_ranks import launch_ranks
from shardmill.training.run.prepare_run import Run, RunRequest, prepare_run
from shardmill.training.run.rank_files import RESULT_NAME, TASK_NAME
from shardmill.training.run.ranks import is_first_rank, launched_ranks, refuse_too_many
from shardmill.training.run.report_epochs import Report
from shardmill.training.run.resume_run import LAST_NAME, read_facts
from shardmill.training.saved.save_model import Description, save_model
from shardmill.training.settings.load_settings import merge
from shardmill.training.settings.settings import Settings
from shardmill.training.settings.settle_settings import load_start, settle_settings
from shardmill.training.show.loggers import log_result, ways_to_look
from shardmill.training.show.wandb_runs import ending_wandb
from shardmill.urls import PathOrUrl, is_url, path_or_url


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is made.

    Attributes:
        changes: Settings in place of the baseline's, as nested tables.
        resume: Whether to go on from the last checkpoint of the run.
        report: How progress is reported on stderr.
        cache: The folder into which files of URLs are brought; None for the user's own.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    resume: bool = False
    report: Report = "nothing"
    cache: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run.

    Attributes:
        name: The name of the artifact.
        artifact: The folder of the artifact, or its URL.
        folder: The folder of the run.
        kind: The kind of the artifact.
        task: What the model tells, a class or a number.
        sample: Whether its rows were generated.
        evaluated: The split whose metrics count, "test" or else "validation"; None if there is
            neither with labels.
        devices: How many processes trained the model.
        metrics: Losses and other metrics, each by its name with its split.
        seconds: How long training took since the run was started or resumed.
        stopped: Why the run ended before its last epoch; None if it did not.
        look: Files and commands that show what was logged.
        origin: What the run started from; None for fresh weights.
        parameters: How many parameters the model has.
        trained: How many of them the last epoch trained.
    """

    name: str
    artifact: PathOrUrl
    folder: Path
    kind: str
    task: Task
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
        """Return the result from what `to_dict` gave."""
        places = {name: path_or_url(facts[name]) for name in ("artifact", "folder")}
        return cls(**{**facts, **places, "look": tuple(facts["look"])})


@ending_wandb()
def train_artifact(
    artifact: PathOrUrl,
    out: Path,
    *,
    seed: int | None = None,
    epochs: int | None = None,
    options: RunOptions = RunOptions(),
) -> Result:
    """Train on the train split, evaluate on the other labelled splits, write metrics.json, model/.

    Checkpoints go to `checkpoints` in the folder of the run, and logs go to `logs`. With several
    devices, a process of its own trains on each. torchrun starts these processes itself.

    Args:
        artifact: The folder of the artifact, or its URL.
        out: The folder of the runs. This one goes to `out`/<name of the artifact>.
        seed: The seed of weights, order and dropout, in place of the one in `changes`.
        epochs: How many passes over the train split, in place of the number in `changes`.
        options: Everything else.

    Raises:
        ArtifactError: The artifact cannot be read, or the model to start from does not fit.
        StorageError: The storage at a URL refused or failed.
        SettingsError: The settings have faults.
        UntrainableError: The baseline cannot be trained on the artifact.
        DivergedError: A loss or weight is not finite.
        ResumeError: There is no such run to resume.
        RankError: One of several processes failed.
        OutputError: The folder of the run cannot be written.
    """
    cache = options.cache
    manifest = open_split(artifact, cache=cache if is_url(artifact) else None).manifest
    folder = out / manifest.name
    resumed = read_facts(folder / LAST_NAME) if options.resume else None
    changes = merge(options.changes, _given(seed=seed, epochs=epochs))
    before = resumed["settings"] if resumed else {}
    ranks, start = launched_ranks(), load_start(merge(before, changes), cache)
    task = find_task(manifest, artifact)
    settings = settle_settings(
        manifest, changes, task=task, resumed=before, start=start, ranks=ranks
    )
    refuse_too_many(ranks.local if ranks else settings.devices, f"settings of {manifest.name}")
    if settings.devices > 1 and ranks is None:
        return _train_in_ranks(artifact, out, settings.devices, replace(options, changes=changes))
    request = RunRequest(
        artifact, manifest, folder, settings, start, resumed, options.report, cache
    )
    run = prepare_run(request)
    started = time.perf_counter()
    fitted = fit_model(run.module, run.loaders, run.plan)
    result = _result(run, fitted, seconds=round(time.perf_counter() - started, 2))
    if is_first_rank():
        _write(run, fitted, result)
    return result


def _result(run: Run, fitted: FitResult, *, seconds: float) -> Result:
    settings, manifest = run.plan.settings, run.train.manifest
    trained, parameters = _count_parameters(run.module.model, settings, fitted.epochs)
    return Result(
        name=manifest.name,
        artifact=run.request.artifact,
        folder=run.plan.folder,
        kind=manifest.kind,
        task=run.plan.task,
        sample=manifest.sample,
        evaluated=next((name for name in ("test", "validation") if name in run.loaders), None),
        devices=settings.devices,
        metrics=fitted.metrics,
        seconds=seconds,
        stopped=fitted.stopped,
        look=tuple(ways_to_look(settings.log, run.plan.folder / "logs")),
        origin=run.origin,
        parameters=parameters,
        trained=trained,
    )


def _count_parameters(model: Baseline, settings: Settings, epochs: int) -> tuple[int, int]:
    """Return how many parameters the last epoch trained, and how many there are."""
    if settings.transfer is not None:
        freeze_in_epoch(model, settings.transfer, epochs - 1)
    return count_parameters(model)


def _write(run: Run, fitted: FitResult, result: Result) -> None:
    """Write metrics.json and the model, and give both to the loggers."""
    plan, module = run.plan, run.module
    facts = {
        **plan.configuration,
        "epochs_trained": fitted.epochs,
        "metrics": result.metrics,
        "origin": result.origin,
        "parameters": result.parameters,
        "parameters_trained": result.trained,
        "rows": {name: len(loader.dataset) for name, loader in run.loaders.items()},  # type: ignore[arg-type]
        "sample": result.sample,
        "seconds": result.seconds,
        "stopped": result.stopped,
    }
    text = json.dumps(facts, indent=2, sort_keys=True) + "\n"
    (plan.folder / "metrics.json").write_text(text, encoding="utf-8")
    module.float()  # whatever precision it was trained in, it is saved and loaded in this one
    start = run.request.start
    started_from = start.facts.trained_on if start else None
    description = Description(plan.settings, fitted.metrics, started_from)
    save_model(plan.folder / "model", module.model, run.train, description)
    log_result(module.loggers, plan.configuration, fitted.metrics, plan.folder / "model")


def _train_in_ranks(artifact: PathOrUrl, out: Path, devices: int, options: RunOptions) -> Result:
    """Train as `train_artifact` does, with a process for each device."""
    with TemporaryDirectory(prefix="shardmill-") as name:
        folder = Path(name)
        task = {"artifact": str(artifact), "out": str(out), "options": asdict(options)}
        (folder / TASK_NAME).write_text(json.dumps(task), encoding="utf-8")
        command = [sys.executable, "-m", "shardmill.training.run.run_rank", name]
        launch_ranks(command, devices, folder)
        return Result.from_dict(json.loads((folder / RESULT_NAME).read_bytes()))


def _given(**settings: int | None) -> dict[str, int]:
    return {key: value for key, value in settings.items() if value is not None}
