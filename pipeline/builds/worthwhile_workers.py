"""How many processes a build is worth."""

from shardmill.pipeline.builds.find_sources import Sources
from shardmill.startup import available_cores

# A worker takes 0.3 seconds to start if it is not forked, and cleans so many bytes of raw files in
# 0.4 seconds. With less to do, it would not be worth its start.
_WORKER_BYTES = 32 * 2**20


def worthwhile_workers(sources: Sources) -> int:
    """Return how many processes save more time than they take to start, at most one per core."""
    size = sum(sources.raw_files(recipe).bytes() for recipe in sources.recipes)
    most = size // _WORKER_BYTES
    return max(min(most, available_cores()), 1)
