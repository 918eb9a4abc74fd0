"""Runs of Weights & Biases. Each run has one, and resuming goes on with the same id."""

import os
import secrets
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only


def make_wandb_logger(folder: Path, name: str, *, resume: bool) -> WandbLogger:
    """Return the logger of a run, offline if nobody is logged in and WANDB_MODE is not set.

    Args:
        folder: The folder of the logs. It writes to `wandb` in it.
        name: The name of the run.
        resume: Whether to go on with the run whose id is kept in `folder`, if there is one.
    """
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    rank: Any = rank_zero_only
    if rank.rank != 0:  # other ranks do not log
        return WandbLogger(save_dir=folder)
    options: dict[str, Any] = {"silent": True, "console": "off"}
    # The mode is given explicitly, since the library reads the variable only once in a process.
    options["mode"] = os.environ.get("WANDB_MODE") or ("online" if _logged_in() else "offline")
    # The run is started here, since Lightning would pass options that make the library warn.
    run = wandb.init(
        project=os.environ.get("WANDB_PROJECT", "shardmill"),
        name=name,
        dir=folder,
        id=_run_id(folder, resume=resume),
        resume="allow",
        settings=wandb.Settings(**options),
    )
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    return WandbLogger(name, save_dir=folder, experiment=run)


def log_model(logger: WandbLogger, model: Path, name: str, facts: dict[str, Any]) -> None:
    """Log the folder of a model as an artifact of a run.

    Args:
        logger: The logger of the run.
        model: The folder of the model.
        name: The name of the artifact that it was trained on.
        facts: Facts about the model.
    """
    import wandb

    run: Any = logger.experiment
    if run.disabled:
        return
    if run.offline:  # by the time of the upload, another model may have replaced this one
        model = Path(shutil.copytree(model, Path(run.dir).parent / "model"))
    artifact = wandb.Artifact(f"{name}-model", "model", metadata=facts)
    for path in sorted(path for path in model.rglob("*") if path.is_file()):
        local, place = str(path), path.relative_to(model).as_posix()
        artifact.add_file(local, place, policy="immutable", skip_cache=True)
    run.log_artifact(artifact)


@contextmanager
def ending_wandb() -> Iterator[None]:
    """End a run of Weights & Biases that begins inside; if an error leaves, it ends as failed."""
    before = _present_run()
    code = 1
    try:
        yield
        code = 0
    finally:
        run = _present_run()
        if run is not None and run is not before:
            run.finish(exit_code=code)


def way_to_sync(folder: Path) -> str | None:
    """Return the command that uploads what a run wrote offline below `folder`; None if nothing."""
    kept = folder / "wandb_id"
    if not kept.is_file():
        return None
    # The name of a second start within one second ends in a number.
    offline = sorted((folder / "wandb").glob(f"offline-run-*-{kept.read_text().strip()}*"))
    return shlex.join(["wandb", "sync", *map(str, offline)]) if offline else None


def _present_run() -> Any:
    return sys.modules["wandb"].run if "wandb" in sys.modules else None


def _run_id(folder: Path, *, resume: bool) -> str:
    kept = folder / "wandb_id"
    if not resume or not kept.is_file():
        kept.write_text(secrets.token_hex(4) + "\n")
    return kept.read_text().strip()


def _logged_in() -> bool:
    # Looks where `wandb login` keeps the key. Some versions of the library would ask the user.
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname
    try:
        file = Path(os.environ.get("NETRC", Path.home() / ".netrc"))
        return host is not None and netrc(file).authenticators(host) is not None
    except (OSError, NetrcParseError):
        return False
