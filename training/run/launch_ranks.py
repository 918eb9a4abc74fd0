"""Runs one process for each device on this machine, with torch's launcher."""

import json
import logging
import os
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from shardmill.errors import RankError, ShardmillError

_ADDRESS = "127.0.0.1"


def launch_ranks(command: Sequence[str], ranks: int, folder: Path) -> None:
    """Run a program once for each rank. When this returns or raises, none of them is running.

    Rank 0 writes to the stdout and stderr of this process, the others write to files in `folder`.
    If one rank fails, or if this process is interrupted, all ranks are ended by SIGTERM. They find
    the number of this process in TORCHELASTIC_RUN_ID, and so notice when it is gone.

    Args:
        command: The program. It records its exceptions as `record_failure` of `run_rank` does.
        ranks: How many ranks there are.
        folder: An empty folder for the records of failures.

    Raises:
        ShardmillError: The error that the first failing rank raised.
        RankError: That rank failed with any other exception, or something else ended it.
    """
    others = dict.fromkeys(range(1, ranks), Std.ALL)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=ranks,
        run_id=str(os.getpid()),
        rdzv_backend="c10d",
        rdzv_endpoint=f"{_ADDRESS}:0",  # any free port, which is then held
        local_addr=_ADDRESS,
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(str(folder), redirects=others),
        signals_to_handle="",  # torch would not give the handlers back
    )
    codes: dict[int, int] = {}
    with _quiet():
        try:
            elastic_launch(config, command[0])(*command[1:])
        except ChildFailedError as error:
            codes = {rank: failure.exitcode for rank, failure in error.failures.items()}
    if not codes:
        return
    # A rank without a record was ended by something else, which may have made others fail.
    silent = [rank for rank in codes if not (folder / f"failure-{rank}.json").exists()]
    unasked = [rank for rank in silent if codes[rank] != -signal.SIGTERM]
    if unasked or len(silent) == len(codes):
        rank = (unasked or silent)[0]
        raise _ended(rank, codes[rank], folder)
    raise _first_failure(folder)


@contextmanager
def _quiet() -> Iterator[None]:
    # If a rank fails, torch logs what the error says anyway, and leaves files open.
    log = logging.getLogger("torch.distributed.elastic")
    before = log.handlers, log.propagate
    log.handlers, log.propagate = [logging.NullHandler()], False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            yield
    finally:
        log.handlers, log.propagate = before


def _first_failure(folder: Path) -> ShardmillError:
    # The other ranks fail after the first one, because it is gone.
    files = sorted(folder.glob("failure-*.json"), key=lambda path: path.stat().st_mtime_ns)
    facts = json.loads(files[0].read_bytes())
    rank = files[0].stem.removeprefix("failure-")
    error: ShardmillError
    if "refusal" in facts:
        error = _kinds(ShardmillError)[facts["kind"]](
            facts["refusal"].pop("where"), **facts["refusal"]
        )
    else:
        error = _rank_error(rank, f"{facts['kind']}: {facts['text']}")
    for note in facts["notes"]:
        error.add_note(note)
    return error


def _kinds(base: type[ShardmillError]) -> dict[str, type[ShardmillError]]:
    kinds = {base.__name__: base}
    for kind in base.__subclasses__():
        kinds |= _kinds(kind)
    return kinds


def _ended(rank: int, code: int, folder: Path) -> RankError:
    files = sorted(folder.glob(f"*/attempt_0/{rank}/std*.log"))
    said = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files)
    last = next((f": {line}" for line in reversed(said.split("\n")) if line.strip()), "")
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return _rank_error(str(rank), how + last)


def _rank_error(rank: str, found: str) -> RankError:
    return RankError(
        f"process {rank} of the run",
        expected="to come to the end of the run",
        found=found,
        fix="train with --devices 1 to see whether it is the number of processes, or their memory",
    )
