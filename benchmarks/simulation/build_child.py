"""Builds as `shardmill preprocess` does, and prints the processor seconds of the two halves.

`python -m simulation.build_child ARGUMENTS`. The half of the driver is this process, which hands
out tasks and puts results together. The other half is the workers. With one worker, everything is
in this process.
"""

import json
import resource
import sys

from shardmill.cli import main
from shardmill.startup import collect_garbage_rarely, look_for_no_plugins, wait_passively


def _cpu_s(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    collect_garbage_rarely()
    look_for_no_plugins()
    wait_passively()
    main(["preprocess", *sys.argv[1:]], prog_name="shardmill", standalone_mode=False)
    halves = {"driver_s": resource.RUSAGE_SELF, "workers_s": resource.RUSAGE_CHILDREN}
    print(json.dumps({name: round(_cpu_s(who), 3) for name, who in halves.items()}))
