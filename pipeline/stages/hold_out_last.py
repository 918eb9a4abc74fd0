"""Hands the last rows of a split to the splits that hold them out.

How many rows a split has is known only when all of its parts are cleaned, since bad and dropped
rows do not count. So all rows go to the Parquet files of the split first. Then the parts that have
rows to hand over are written anew, each on its own, a row group at a time. The others stay.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shardmill.pipeline.stages.clean_job import CleanJob
from shardmill.pipeline.stages.clean_part import CleanedPart, PartOutput
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.store.mounts import here

Rows = Mapping[str, tuple[int, int]]  # by split, the first row and the row after the last one


def last_rows(recipe: AnyRecipe, split: str, rows: int) -> Rows:
    """Return which of the rows of a split go to which split.

    Each hold-out takes its fraction of the rows, rounded down. They follow one another in the order
    of the recipe, so the one that is named last has the last rows.

    Args:
        recipe: The recipe of the dataset.
        split: A split that has files of its own.
        rows: How many rows were kept of them.

    Returns:
        The rows of each split that holds out last rows, and those that stay. It is empty if no
        split does.
    """
    given: dict[str, tuple[int, int]] = {}
    stop = rows
    for name, other in reversed(recipe.splits.items()):
        hold_out = other.hold_out
        if hold_out is not None and hold_out.split == split and hold_out.last:
            count = int(hold_out.ratio() * rows)
            given[name] = stop - count, stop
            stop -= count
    return {split: (0, stop), **dict(reversed(given.items()))} if given else {}


@dataclass(frozen=True, slots=True)
class PartToShare:
    """A cleaned part, and which of its rows go to which split.

    Attributes:
        index: The number of the part.
        cleaned: What became of it.
        rows: Its rows by split, counted from its first row.
    """

    index: int
    cleaned: CleanedPart
    rows: Rows

    def file(self, folder: Path) -> Path:
        """Return the file of all its rows in the folder of a generation."""
        assert self.cleaned.parquet is not None  # noqa: S101  it has rows to hand over
        return folder / self.cleaned.parquet.path.rpartition("/")[2]

    def whole(self, folder: Path) -> Path:
        """Return where this file is while its rows are handed over."""
        return self.file(folder).with_suffix(".whole")


def parts_to_share(cleaned: Sequence[CleanedPart], rows: Rows, split: str) -> Iterator[PartToShare]:
    """Yield the parts of a split that have rows for others.

    Args:
        cleaned: All parts of the split.
        rows: Which of all rows go to which split; see `last_rows`.
        split: The split.
    """
    first = 0
    for index, part in enumerate(cleaned):
        inside = {
            name: (max(start - first, 0), min(stop - first, part.rows))
            for name, (start, stop) in rows.items()
        }
        shares = {name: (start, stop) for name, (start, stop) in inside.items() if start < stop}
        first += part.rows
        if shares.keys() - {split}:
            yield PartToShare(index, part, shares)


def share_part(job: CleanJob, part: PartToShare) -> dict[str, CleanedPart]:
    """Write a part anew, as `<split>-<part>.parquet` for each split that gets rows of it.

    Args:
        job: The job that cleaned the part.
        part: The part.

    Returns:
        What was written, by split. The split of the job is among them, perhaps without rows.
    """
    with ExitStack() as stack:
        outputs = {
            split: PartOutput(job, split, part.index, stack)
            for split in {job.split: 0, **part.rows}
        }
        first = 0
        with pq.ParquetFile(here(part.whole(job.generation.folder))) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group).replace_schema_metadata()
                for split, (start, stop) in part.rows.items():
                    begin = min(max(start - first, 0), len(table))
                    end = min(max(stop - first, begin), len(table))
                    outputs[split].parquet.write(table.slice(begin, end - begin))
                first += len(table)
        written = {split: output.close() for split, output in outputs.items()}
    pa.default_memory_pool().release_unused()  # as when parts are cleaned
    kept = written[job.split]
    written[job.split] = replace(
        part.cleaned, rows=kept.rows, parquet=kept.parquet, prepared=kept.prepared
    )
    return written
