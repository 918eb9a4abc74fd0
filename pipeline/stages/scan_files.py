"""Scans the large files of a split, by all workers, before its parts are cut."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path

from shardmill.pipeline.builds.build_run import BuildRun
from shardmill.raw.cut_scanned import ScannedFile
from shardmill.raw.row_source import NOT_SCANNED, RowSource
from shardmill.raw.scan_ranges import ScanRule, scan_range
from shardmill.raw.sources import rules_of
from shardmill.raw.work_sizes import WorkSizes
from shardmill.store.mounts import here

Task = tuple[Path, ScanRule, int, int, int]


def scan_large_files(source: RowSource, build: BuildRun, label: str) -> Mapping[int, ScannedFile]:
    """Return what is known of the large files of a split, by their number.

    Args:
        source: The raw rows of the split.
        build: The run whose workers scan.
        label: What progress is called.

    Raises:
        UnreadableFileError: A file cannot be read.
        WorkerError: Something other than a task has ended a worker.
    """
    sizes = build.sizes
    tasks: dict[int, list[Task]] = {}
    for number, (file, rule) in enumerate(zip(source.files(), rules_of(source), strict=False)):
        size = here(file.readable).stat().st_size
        if size > sizes.range_bytes:
            grain = sizes.grain_bytes
            tasks[number] = [(file.readable, rule, *each, grain) for each in _ranges(size, sizes)]
    every = [task for several in tasks.values() for task in several]
    if not every:
        return NOT_SCANNED
    with closing(build.run("scan", scan_range, every, len(every), label=label)) as done:
        found = iter(list(done))
    scanned = {}
    for number, several in tasks.items():
        _, rule, _, size, grain = several[-1]
        ranges = list(islice(found, len(several)))
        scanned[number] = ScannedFile(rule, ranges, size=size, grain_bytes=grain)
    return scanned


def _ranges(size: int, sizes: WorkSizes) -> Iterator[tuple[int, int]]:
    """Yield where each range of a file starts and stops: after whole grains, or with the file."""
    step = -(-sizes.range_bytes // sizes.grain_bytes) * sizes.grain_bytes
    for start in range(0, size, step):
        yield start, min(start + step, size)
