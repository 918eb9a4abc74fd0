"""The loggers that write the scalars and the configuration of a run."""

import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from shardmill.errors import MissingLibraryError
from shardmill.training.settings.settings import Log
from shardmill.training.show.describe_run import flatten
from shardmill.training.show.wandb_runs import log_model, make_wandb_logger, way_to_sync


def require_loggers(log: Log) -> None:
    """Fail if the library of a logger is not installed.

    Raises:
        MissingLibraryError: The library is missing. The message says what to install.
    """
    _require(log.tensorboard, "tensorboard", extra="train")
    _require(log.tensorboard or log.wandb, "matplotlib", extra="train")
    _require(log.wandb, "wandb", extra="wandb")


def make_loggers(log: Log, folder: Path, name: str, *, resume: bool) -> list[Logger]:
    """Return the loggers of a run, which write below `folder`.

    Every start of a run, also after `--resume`, has a version of its own, the same in CSV and
    TensorBoard: the last steps of a killed run may have been logged, and are made again. In
    Weights & Biases all starts are one run.
    """
    version = _next_version(folder)
    loggers: list[Logger] = [CSVLogger(folder, "csv", version)]
    if log.tensorboard:
        # Otherwise a made-up metric would stand beside the settings.
        loggers.append(TensorBoardLogger(folder, "tensorboard", version, default_hp_metric=False))
    if log.wandb:
        loggers.append(make_wandb_logger(folder, name, resume=resume))
    return loggers


def log_result(
    loggers: Iterable[Any], facts: Mapping[str, Any], metrics: Mapping[str, float], model: Path
) -> None:
    """Log what came of a run: its settings beside its metrics, and the model.

    Args:
        loggers: The loggers of the run.
        facts: Facts for JSON, `name` and `settings` at least.
        metrics: The metrics, which were logged as scalars of the same names.
        model: The folder of the trained model.
    """
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            _write_settings(logger, facts["settings"], metrics)
        elif isinstance(logger, WandbLogger):
            log_model(logger, model, facts["name"], {**facts, "metrics": dict(metrics)})


def ways_to_look(log: Log, folder: Path) -> list[str]:
    """Return the files and commands that show what the loggers of a run wrote below `folder`."""
    # The table of the newest start that made a step.
    versions = reversed(range(_next_version(folder)))
    tables = (folder / "csv" / f"version_{version}" / "metrics.csv" for version in versions)
    ways = [str(table) for table in tables if table.is_file()][:1]
    if log.tensorboard:
        ways.append(shlex.join(["tensorboard", "--logdir", str(folder / "tensorboard")]))
    if log.wandb and (way := way_to_sync(folder)) is not None:
        ways.append(way)
    return ways


def git_commit() -> str | None:
    """Return the commit that is checked out in the working folder, if it is in a repository."""
    git = shutil.which("git")
    if git is None:
        return None
    run = subprocess.run(  # noqa: S603  no input of anybody's
        [git, "rev-parse", "--verify", "--quiet", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout.strip() or None


def _write_settings(
    logger: TensorBoardLogger, settings: Mapping[str, Any], metrics: Mapping[str, float]
) -> None:
    # Only settings that a result depends on are shown, since TensorBoard's table is narrow.
    shown = flatten({k: v for k, v in settings.items() if k not in ("checkpoint", "log")})
    # Lightning's own function would write the metrics as scalars again, at another step.
    from torch.utils.tensorboard.summary import hparams

    make: Any = hparams
    writer = (
        logger.experiment._get_file_writer()
    )  # opens the file again, which Lightning has closed
    for summary in make(shown, dict(metrics)):
        writer.add_summary(summary)
    logger.finalize("success")


def _next_version(folder: Path) -> int:
    versions = [path.name.removeprefix("version_") for path in folder.glob("csv/version_*")]
    return max((int(version) for version in versions if version.isdigit()), default=-1) + 1


def _require(wanted: bool, library: str, *, extra: str) -> None:
    if wanted and find_spec(library) is None:
        raise MissingLibraryError(
            f"log.{library}",
            expected=f"{library} to be installed",
            found="it is not",
            fix=f"pip install 'shardmill[{extra}]', or train without --log {library}",
        )
