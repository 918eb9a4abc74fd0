"""One process of a run that `launch_ranks` has started: `python -m ... FOLDER`."""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from shardmill import ShardmillError

TASK_NAME = "task.json"
RESULT_NAME = "result.json"


def main() -> None:
    """Train as FOLDER/task.json says; rank 0 writes FOLDER/result.json."""
    folder = Path(sys.argv[1])
    end_with_the_parent()
    try:
        task: dict[str, Any] = json.loads((folder / TASK_NAME).read_bytes())
        from shardmill.training.train_artifact import RunOptions, train_artifact

        try:
            options = RunOptions(**task["options"])
            result = train_artifact(Path(task["artifact"]), Path(task["out"]), options=options)
            if os.environ["RANK"] == "0":
                (folder / RESULT_NAME).write_text(json.dumps(result.to_dict()), encoding="utf-8")
        except Exception as error:
            record_failure(error, folder)
            _leave(1)
    except KeyboardInterrupt:
        _leave(130)


def record_failure(error: BaseException, folder: Path) -> None:
    """Leave what this rank raised where `launch_ranks` finds it."""
    facts: dict[str, Any] = {"kind": type(error).__name__, "text": str(error)}
    if isinstance(error, ShardmillError):
        names = ("where", "expected", "found", "fix")
        facts["refusal"] = {name: getattr(error, name) for name in names}
    facts["notes"] = getattr(error, "__notes__", [])
    path = folder / f"failure-{os.environ['RANK']}.json"
    new = path.with_suffix(".new")
    new.write_text(json.dumps(facts), encoding="utf-8")
    new.replace(path)


def end_with_the_parent() -> None:
    """End this process when the one that holds the other end of stdin has ended, however."""
    threading.Thread(target=_wait_for_the_end, daemon=True).start()


def _wait_for_the_end() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


def _leave(code: int) -> None:
    # What runs at a usual exit may wait for the other ranks.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
