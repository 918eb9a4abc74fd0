"""Goes through cleaned rows once more, for what is learnt from all of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shardmill.kinds.train_rows import FoundT, Look
from shardmill.pipeline.builds.engine import Engine
from shardmill.store.mounts import here


@dataclass(frozen=True, slots=True)
class CleanedFiles:
    """The Parquet files of the train split; see `Scan`.

    Attributes:
        engine: What runs the tasks.
        paths: The files in order.
        rows: How many rows they have together.
    """

    engine: Engine
    paths: Sequence[Path]
    rows: int

    def each_file(self, look: Look[FoundT]) -> Iterator[FoundT]:
        """Yield what is found in each file, a task for each file."""
        return self.engine.run(look_at_rows, ((look, (path,)) for path in self.paths))

    def all_files(self, looks: Iterable[Look[FoundT]]) -> Iterator[FoundT]:
        """Yield what each look finds in the rows of all files, a task for each look."""
        return self.engine.run(look_at_rows, ((look, self.paths) for look in looks))


def look_at_rows(look: Look[FoundT], paths: Sequence[Path]) -> FoundT:
    """Return what a look finds in the rows of Parquet files, of which a row group is in memory."""
    found = look(_tables(paths, list(look.names())))
    pa.default_memory_pool().release_unused()
    return found


def _tables(paths: Sequence[Path], names: list[str]) -> Iterator[pa.Table]:
    for path in paths:
        with pq.ParquetFile(here(path)) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group, columns=names)
