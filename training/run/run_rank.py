"""One process of a run, started by `launch_ranks`: `python -m ... FOLDER`."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from shardmill.atomic import replace_file
from shardmill.errors import ShardmillError
from shardmill.startup import share_cores
from shardmill.training.run.rank_files import RESULT_NAME, TASK_NAME
from shardmill.urls import path_or_url

_POLL_S = 0.1
_GRACE_S = 5.0


def main() -> None:
    """Train as FOLDER/task.json says. Rank 0 writes FOLDER/result.json."""
    folder = Path(sys.argv[1])
    try:
        end_when_asked(folder)
        share_cores(int(os.environ["LOCAL_WORLD_SIZE"]))
        task: dict[str, Any] = json.loads((folder / TASK_NAME).read_bytes())
        from shardmill.training.run.ranks import is_first_rank
        from shardmill.training.run.train_artifact import RunOptions, train_artifact

        try:
            options = RunOptions(**task["options"])
            artifact, out = path_or_url(task["artifact"]), Path(task["out"])
            result = train_artifact(artifact, out, options=options)
            if is_first_rank():
                (folder / RESULT_NAME).write_text(json.dumps(result.to_dict()), encoding="utf-8")
            _close_group()
        except Exception as error:
            record_failure(error, folder)
            _leave()
    except KeyboardInterrupt:
        _leave()


def _close_group() -> None:
    # Threads of the group that still run when Python ends can abort the process ("terminate called
    # without an active exception").
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def record_failure(error: BaseException, folder: Path) -> None:
    """Write the first exception of this rank to a file, where `launch_ranks` finds it."""
    path = folder / f"failure-{os.environ['RANK']}.json"
    if path.exists():
        return
    facts: dict[str, Any] = {"kind": type(error).__name__, "text": str(error)}
    if isinstance(error, ShardmillError):
        names = ("where", "expected", "found", "fix")
        facts["refusal"] = {name: getattr(error, name) for name in names}
    facts["notes"] = getattr(error, "__notes__", [])
    replace_file(path, json.dumps(facts).encode())


def end_when_asked(folder: Path) -> None:
    """Start a watchdog that ends this process on SIGTERM, or when its launcher is gone.

    The watchdog interrupts the main thread as Ctrl-C does. The main thread then has some seconds to
    finish its loggers.
    """
    # The signal is blocked so that Lightning does not answer it: it would broadcast to ranks that
    # may be gone.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
    threading.Thread(target=_end, args=(folder,), daemon=True).start()


def _end(folder: Path) -> None:
    parent = int(os.environ["TORCHELASTIC_RUN_ID"])
    while os.getppid() == parent and signal.SIGTERM not in signal.sigpending():
        time.sleep(_POLL_S)
    if os.getppid() == parent:  # somebody else may have sent the signal
        record_failure(KeyboardInterrupt("by SIGTERM"), folder)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(_GRACE_S)
    os._exit(1)  # a rank that waits for others does not notice the interrupt


def _leave() -> None:
    # A usual exit runs functions that may wait for the other ranks.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    main()
