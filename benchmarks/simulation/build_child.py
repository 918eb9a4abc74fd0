"""Builds as `shardmill preprocess` does, and prints the processor seconds of the process itself.

`python -m simulation.build_child ARGUMENTS`. With several workers, this process is the driver: it
hands out tasks and puts results together. With one worker, everything happens in it.
"""

import json
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from shardmill.cli import main
from shardmill.pipeline.builds.build_run import BuildRun
from shardmill.startup import collect_garbage_rarely, look_for_no_plugins, wait_passively

_timed = BuildRun.timed
_seconds: dict[str, float] = {}


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextmanager
def _timed_by_processor(run: BuildRun, stage: str) -> Iterator[None]:
    before = _cpu_s()
    try:
        with _timed(run, stage):
            yield
    finally:
        _seconds[stage] = _seconds.get(stage, 0.0) + _cpu_s() - before


if __name__ == "__main__":
    collect_garbage_rarely()
    look_for_no_plugins()
    wait_passively()
    BuildRun.timed = _timed_by_processor  # type: ignore[method-assign, assignment]
    main(["preprocess", *sys.argv[1:]], prog_name="shardmill", standalone_mode=False)
    print(json.dumps({**_seconds, "all": _cpu_s()}))
