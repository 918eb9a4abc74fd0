"""The process of a contender that is Python code.

`python -m preprocess.child build|count MODULE RAW OUT SCRATCH WORKERS`. `build` is what is
measured: nothing is imported but what the module itself needs, and what it returns is printed as
JSON. `count` prints what the result holds.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

from preprocess.job import Job

_TESTS = Path(__file__).parents[2] / "tests" / "support"  # where the per-row definitions are


def main(action: str, module: str, raw: str, out: str, scratch: str, workers: str) -> None:
    """Build, or count what was built."""
    sys.path.append(str(_TESTS))
    job = Job(Path(raw), Path(out), Path(scratch), int(workers))
    contender = import_module(f"preprocess.{module}")
    if action == "count":
        print(json.dumps(contender.count(job)))
        return
    facts = contender.build(job)
    if facts is not None:
        print(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
