"""Times shuffled batches of some artifacts with the shardmill that PYTHONPATH names.

`python batches_child.py TREE SECONDS SEED NAME=BATCH_SIZE=ARTIFACT ...` prints JSON: the batches a
second by name. It uses nothing of shardmill but its public names, so that it works with any tree.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import shardmill


def batches_a_second(loader: Any, seconds: float) -> float:
    """Return how many batches a second a loader gives, over whole epochs.

    Args:
        loader: The loader to time. One epoch is run before the clock starts.
        seconds: How long to go on at least.
    """
    for _ in loader:
        pass
    batches = 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        for _ in loader:
            batches += 1
    return batches / (time.perf_counter() - start)


def main() -> None:
    """Time each artifact that the command line names."""
    tree, seconds, seed, *cases = sys.argv[1:]
    if not Path(str(shardmill.__file__)).is_relative_to(Path(tree) / "src"):
        sys.exit(f"shardmill was imported from {shardmill.__file__}, which is not in {tree}")
    rates = {}
    for case in cases:
        name, batch_size, artifact = case.split("=", 2)
        dataset = shardmill.open(Path(artifact), split="train")
        loader = dataset.loader(int(batch_size), shuffle=True, seed=int(seed))
        rates[name] = batches_a_second(loader, float(seconds))
    sys.stdout.write(json.dumps(rates))


if __name__ == "__main__":
    main()
