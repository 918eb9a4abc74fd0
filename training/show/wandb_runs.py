"""Runs of Weights & Biases: one for each run here, with the same id when that is resumed."""

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
    """Return the logger of a run, offline where nobody is logged in and WANDB_MODE says nothing.

    Args:
        folder: it writes below `wandb` there.
        name: of the run.
        resume: go on with the run whose id is kept in `folder`, if there is one.
    """
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    rank: Any = rank_zero_only
    if rank.rank != 0:  # these do not log
        return WandbLogger(save_dir=folder)
    options: dict[str, Any] = {"silent": True, "console": "off"}
    # Said aloud: the library reads the variable once in a process.
    options["mode"] = os.environ.get("WANDB_MODE") or ("online" if _logged_in() else "offline")
    # Begun here: Lightning's own way gives options that make the library warn.
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
    """Make a model folder an artifact of a run.

    Args:
        logger: of the run.
        model: the folder.
        name: of what it was trained on.
        facts: about it.
    """
    import wandb

    run: Any = logger.experiment
    if run.disabled:
        return
    if run.offline:  # it is uploaded some day, when another model may have taken its place
        model = Path(shutil.copytree(model, Path(run.dir).parent / "model"))
    artifact = wandb.Artifact(f"{name}-model", "model", metadata=facts)
    for path in sorted(path for path in model.rglob("*") if path.is_file()):
        local, place = str(path), path.relative_to(model).as_posix()
        artifact.add_file(local, place, policy="immutable", skip_cache=True)
    run.log_artifact(artifact)


@contextmanager
def ending_wandb() -> Iterator[None]:
    """End the run of Weights & Biases that is begun inside; as failed if an error leaves."""
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
    """Return the command that uploads what all starts of a run wrote offline below `folder`."""
    kept = folder / "wandb_id"
    if not kept.is_file():
        return None
    # A number follows where two starts are of the same second.
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
    # Where `wandb login` keeps the key; to ask the library itself makes some versions ask the user.
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname
    try:
        file = Path(os.environ.get("NETRC", Path.home() / ".netrc"))
        return host is not None and netrc(file).authenticators(host) is not None
    except (OSError, NetrcParseError):
        return False
