"""Which files of an artifact must be here to show it: a part of them, if it is large."""

from collections.abc import Iterator

from shardmill.format.describe_rows import COUNTED, FIRST
from shardmill.format.manifest import FileRecord, Manifest, SplitRecord
from shardmill.format.read_rows import spread_places


def files_of_card(manifest: Manifest) -> Iterator[FileRecord]:
    """Yield the files that `describe_artifact` reads."""
    yield manifest.raw
    for split in manifest.splits.values():
        yield from split.left_out
        places = [(0, min(FIRST, split.rows)), *spread_places(split.rows, COUNTED)]
        yield from _shards(split, places)
        yield from _parquet(split, 0, FIRST)


def files_of_row(manifest: Manifest, split: str, row: int) -> Iterator[FileRecord]:
    """Yield the files that `describe_row` reads. There are none for a row that is none."""
    yield manifest.raw
    found = manifest.splits.get(split)
    if found is not None and row < found.rows:
        yield from _shards(found, [(row, row + 1)])
        yield from _parquet(found, row, 1)


def _shards(split: SplitRecord, places: list[tuple[int, int]]) -> Iterator[FileRecord]:
    size = split.rows_per_shard
    numbers = {n for start, stop in places for n in range(start // size, -(-stop // size))}
    yield from (split.shards[number] for number in sorted(numbers))


def _parquet(split: SplitRecord, start: int, count: int) -> Iterator[FileRecord]:
    for record in split.parquet:
        if start < record.rows and count > 0:
            yield record
            count -= record.rows - start
        start = max(start - record.rows, 0)
