"""Starts the processes of a run on this machine, one for each device, and ends them together."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch.distributed

from shardmill import RankError, ShardmillError

_POLL_S = 0.1
_GRACE_S = 5.0  # to finish loggers; a rank that waits for others does not hear of it
_ADDRESS = "127.0.0.1"


def launch_ranks(command: Sequence[str], ranks: int, folder: Path) -> None:
    """Run a program once for each rank; when this returns or raises, none of them is running.

    A rank has the environment that torchrun would give it, and an end of file on stdin when this
    process is no more. Rank 0 writes to this one's stdout and stderr, the others to `folder`.

    Args:
        command: the program, which leaves what it raises as `record_failure` of `run_rank` does.
        ranks: how many.
        folder: empty; for what ranks say of their failures.

    Raises:
        ShardmillError: what the rank raised that failed first.
        RankError: it failed with any other error, or was ended by something else.
    """
    # Held here, so that no two runs take the same port.
    store = torch.distributed.TCPStore(  # type: ignore[attr-defined]
        _ADDRESS, 0, ranks, is_master=True, wait_for_workers=False
    )
    with _ended_together() as processes:
        for rank in range(ranks):
            processes.append(_start(command, rank, ranks, folder, port=store.port))
        codes: list[int | None] = [None]
        while None in codes and not any(codes):
            time.sleep(_POLL_S)
            codes = [process.poll() for process in processes]
    failed = [rank for rank, code in enumerate(codes) if code]
    # One that has left no word was ended by something else, and that may have made others fail.
    silent = [rank for rank in failed if not _failure(folder, rank).exists()]
    if silent:
        raise _ended(silent[0], codes[silent[0]], folder)
    if failed:
        raise _first_failure(folder)


def _start(
    command: Sequence[str], rank: int, ranks: int, folder: Path, *, port: int
) -> subprocess.Popen[bytes]:
    environment = {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "GROUP_RANK": 0,
        "WORLD_SIZE": ranks,
        "LOCAL_WORLD_SIZE": ranks,
        "MASTER_ADDR": _ADDRESS,
        "MASTER_PORT": port,
        "TORCHELASTIC_RUN_ID": "shardmill",
        "TORCHELASTIC_RESTART_COUNT": 0,
        "TORCHELASTIC_USE_AGENT_STORE": True,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    with _said(folder, rank).open("wb") as said:
        return subprocess.Popen(  # noqa: S603  our own program
            command,
            env=os.environ | {name: str(value) for name, value in environment.items()},
            stdin=subprocess.PIPE,
            stdout=said if rank else None,
            stderr=said if rank else None,
            start_new_session=True,  # Ctrl-C is for this process to answer
        )


@contextmanager
def _ended_together() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    try:
        yield processes
    finally:
        for process in processes:
            process.send_signal(signal.SIGINT)
        until = time.monotonic() + _GRACE_S
        for process in processes:
            try:
                process.wait(max(until - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin:
                process.stdin.close()


def _first_failure(folder: Path) -> ShardmillError:
    # The others fail after it, as it leaves them.
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


def _ended(rank: int, code: int | None, folder: Path) -> RankError:
    said = _said(folder, rank).read_text(encoding="utf-8", errors="replace").split("\n")
    last = next((f": {line}" for line in reversed(said) if line.strip()), "")
    how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    return _rank_error(str(rank), how + last)


def _rank_error(rank: str, found: str) -> RankError:
    return RankError(
        f"process {rank} of the run",
        expected="to come to the end of the run",
        found=found,
        fix="train with --devices 1 to see whether it is the number of processes, or their memory",
    )


def _failure(folder: Path, rank: int) -> Path:
    return folder / f"failure-{rank}.json"


def _said(folder: Path, rank: int) -> Path:
    return folder / f"said-{rank}.txt"
