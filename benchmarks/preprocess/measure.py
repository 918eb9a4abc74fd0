"""Measures one build, in new folders."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from preprocess.contender import Contender
from preprocess.job import Counts, Job
from preprocess.process_tree import Ended, Usage, run_tree
from preprocess.recipes import Source

_BENCHMARKS = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Build:
    """One build that was measured.

    Attributes:
        usage: what its processes took.
        out_bytes: of the result.
        left_bytes: of what it left on the disk besides, such as a cache.
        inside_s: of a limit, its own time without start and imports.
        stages: of shardmill, seconds by stage.
        counts: what the result holds, where that was asked for.
    """

    usage: Usage
    out_bytes: int
    left_bytes: int
    inside_s: float | None = None
    stages: dict[str, float] = field(default_factory=dict)
    counts: Counts = field(default_factory=dict)


class BuildError(Exception):
    """A build, or the count of what it built, has failed; the message is its last line."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where builds write, and how long a process may take."""

    folder: Path
    timeout_s: float


def measure(
    contender: Contender, source: Source, place: Place, *, python: str, count: bool
) -> Build:
    """Run a contender in new folders, which are removed afterwards.

    Raises:
        BuildError: it has failed, or takes too long.
    """
    with _new_job(place.folder, source.raw, contender.workers) as job:
        command = contender.build_command(python, source.recipe, job)
        if contender.again:
            _run(command, job, place)
        ended = _run(command, job, place)
        counts = contender.count_command(python, job) if count else None
        out_bytes, left_bytes = _bytes_in(job.out), _bytes_in(job.scratch)
        return Build(
            usage=ended.usage,
            out_bytes=out_bytes,
            left_bytes=left_bytes,
            inside_s=json.loads(ended.output)["inside_s"] if contender.counts is None else None,
            stages={} if contender.again else _stages(job.out),
            counts=json.loads(_run(counts, job, place).output.splitlines()[-1]) if counts else {},
        )


@contextmanager
def _new_job(folder: Path, raw: Path, workers: int) -> Iterator[Job]:
    shutil.rmtree(folder, ignore_errors=True)
    job = Job(raw, folder / "out", folder / "scratch", workers)
    try:
        for made in (job.out, job.scratch):
            made.mkdir(parents=True)
        # What others have written goes to the disk now, not while this one is measured.
        os.sync()
        yield job
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str], job: Job, place: Place) -> Ended:
    # They start in the folder of `preprocess`, which so is found, and nothing of the folder above,
    # where a `datasets` is that is not Hugging Face's. No library is to ask the network.
    scratch = str(job.scratch)
    # Python keeps what it has compiled, as it does unless somebody forbids it: pip compiled the
    # libraries, but not what is installed from a folder, as shardmill is here.
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = own | {
        "TMPDIR": scratch,
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": f"{scratch}/huggingface",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "LITDATA_DISABLE_VERSION_CHECK": "1",
        "DATA_OPTIMIZER_CACHE_FOLDER": f"{scratch}/litdata",
        "DATA_OPTIMIZER_DATA_CACHE_FOLDER": f"{scratch}/litdata-data",
    }
    ended = run_tree(
        command, folder=_BENCHMARKS, environment=environment, timeout_s=place.timeout_s
    )
    if ended.error:
        raise BuildError(ended.error)
    return ended


def _bytes_in(folder: Path) -> int:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files)


def _stages(out: Path) -> dict[str, float]:
    """Return the seconds of each stage that shardmill notes beside an artifact."""
    for path in out.glob("*/build.json"):
        seconds: dict[str, float] = json.loads(path.read_text())["seconds"]
        return seconds
    return {}
