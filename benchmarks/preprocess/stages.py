"""Where shardmill's time goes."""

from collections.abc import Sequence
from statistics import median

from preprocess.measure import Build

REST = "start, rest"


def stage_seconds(builds: Sequence[Build]) -> dict[str, float]:
    """Return the median seconds of each stage, in the order in which they ran.

    The last is what the stages do not note: start, imports, hashes of the raw files, the end.
    """
    names = list(dict.fromkeys(name for build in builds for name in build.stages))
    found = {name: median(build.stages.get(name, 0.0) for build in builds) for name in names}
    rest = [build.usage.wall_s - sum(build.stages.values()) for build in builds]
    return found | {REST: median(rest)}
