"""Scans the large files of a split, by all workers, before its parts are cut."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path

from shardmill.pipeline.builds.build_run import BuildRun
from shardmill.raw.cut_scanned import NOT_SCANNED, ScannedFile
from shardmill.raw.row_source import RowSource
from shardmill.raw.scan_ranges import GRAIN_BYTES, ScanRule, scan_range
from shardmill.raw.sources import bytes_of, rules_of

Task = tuple[Path, ScanRule, int, int]


def scan_large_files(source: RowSource, build: BuildRun, label: str) -> Mapping[int, ScannedFile]:
    """Return what is known of the large files of a split, by their number.

    Nothing is scanned if the split is small, or if one process does everything: it cuts files as
    fast while it reads them in order.

    Args:
        source: The raw rows of the split.
        build: The run whose workers scan.
        label: What progress is called.

    Raises:
        UnreadableFileError: A file cannot be read.
        WorkerError: Something other than a task has ended a worker.
    """
    sizes = build.sizes
    if build.engine.processes < 2 or bytes_of(source) < sizes.large_bytes:
        return NOT_SCANNED
    tasks: dict[int, list[Task]] = {}
    for number, (file, rule) in enumerate(zip(source.files(), rules_of(source), strict=False)):
        size = file.readable.stat().st_size
        if size > sizes.range_bytes:
            tasks[number] = list(_ranges(file.readable, rule, size, sizes.range_bytes))
    every = [task for several in tasks.values() for task in several]
    if not every:
        return NOT_SCANNED
    scanned = {}
    with closing(build.run("scan", scan_range, every, len(every), label=label)) as done:
        for number, several in tasks.items():
            _, rule, _, size = several[-1]
            scanned[number] = ScannedFile(rule, list(islice(done, len(several))), size=size)
    return scanned


def _ranges(path: Path, rule: ScanRule, size: int, range_bytes: int) -> Iterator[Task]:
    step = -(-range_bytes // GRAIN_BYTES) * GRAIN_BYTES
    for start in range(0, size, step):
        yield path, rule, start, min(start + step, size)
