"""Where the scalars and the configuration of a run are written while it goes on."""

import os
import shutil
import subprocess
from importlib.util import find_spec
from netrc import NetrcParseError, netrc
from pathlib import Path
from urllib.parse import urlsplit

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from shardmill import MissingLibraryError
from shardmill.training.settings import Log


def require_loggers(log: Log) -> None:
    """Fail if the library of a logger is not installed.

    Raises:
        MissingLibraryError: with what to install.
    """
    _require(log.tensorboard, "tensorboard", extra="train")
    _require(log.wandb, "wandb", extra="wandb")


def make_loggers(log: Log, folder: Path, name: str) -> list[Logger]:
    """Return the loggers of a run, which write below `folder`.

    Each start of a run, a resumed one too, has a version of its own, the same in CSV and
    TensorBoard: a killed run's last steps may have been logged and are made once more.
    """
    version = _next_version(folder)
    loggers: list[Logger] = [CSVLogger(folder, "csv", version)]
    if log.tensorboard:
        # Else a metric is made up to stand beside the settings.
        loggers.append(TensorBoardLogger(folder, "tensorboard", version, default_hp_metric=False))
    if log.wandb:
        folder.mkdir(parents=True, exist_ok=True)
        offline = "WANDB_MODE" not in os.environ and not _logged_in_to_wandb()
        loggers.append(
            WandbLogger(
                name, save_dir=folder, offline=offline, project="shardmill", log_model=False
            )
        )
    return loggers


def ways_to_look(log: Log, folder: Path) -> list[str]:
    """Return the files and commands that show what the loggers of a run wrote below `folder`."""
    ways = [str(folder / "csv" / f"version_{_next_version(folder) - 1}" / "metrics.csv")]
    if log.tensorboard:
        ways.append(f"tensorboard --logdir {folder / 'tensorboard'}")
    if log.wandb:
        ways.append(f"wandb sync {folder / 'wandb'}/offline-run-*")
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


def _logged_in_to_wandb() -> bool:
    # Where `wandb login` keeps the key; to ask the library itself makes some versions ask the user.
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname
    try:
        file = Path(os.environ.get("NETRC", Path.home() / ".netrc"))
        return host is not None and netrc(file).authenticators(host) is not None
    except (OSError, NetrcParseError):
        return False
