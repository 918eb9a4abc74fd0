"""Reads an epoch in a process of its own, and prints when what came.

`python -m simulation.read_child OPTIONS`, where the options are JSON. It begins when a line comes
on stdin, so that several ranks begin together, with everything imported.
"""

import json
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import torch

import shardmill


def read_epoch(options: Mapping[str, Any]) -> Mapping[str, float]:
    """Return the seconds to the first batch, of the epoch, and of waiting for batches."""
    step_s, waited_s, first_s = options["step_s"], 0.0, 0.0
    begin = asked = time.perf_counter()
    dataset = shardmill.open(options["url"], **options["cache"])
    if options["most"]:  # local files are read as a cache that holds fewer is
        dataset._mapped.files.most = options["most"]
    for _ in dataset.loader(**options["loader"]):
        now = time.perf_counter()
        waited_s += now - asked
        first_s = first_s or now - begin
        if step_s:
            time.sleep(max(step_s - (time.perf_counter() - now), 0))
        asked = time.perf_counter()
    end = time.perf_counter()
    return {"first_s": first_s, "epoch_s": end - begin, "waited_s": waited_s}


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    next(iter(shardmill.open(given["warm_up"]).loader(1)))
    for late in ("obstore.store", "shardmill.store.cached_artifact", "shardmill.store.cloud_store"):
        import_module(late)
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(read_epoch(given)), flush=True)
