"""Cleans one part of a split, together with the rows of it that other splits hold out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from shardmill.format.manifest import ParquetRecord
from shardmill.kinds.find_kind import find_kind
from shardmill.kinds.row import Cleaned, reason_of
from shardmill.pipeline.stages.clean_job import CleanJob
from shardmill.pipeline.stages.dataset_card import feature_metadata
from shardmill.pipeline.stages.joined_lines import JoinedLines, joined_lines, may_have_joined
from shardmill.pipeline.stages.prepared_rows import PreparedFile, PreparedWriter
from shardmill.pipeline.stages.share_rows import RowShares
from shardmill.pipeline.stages.unknown_values import with_others
from shardmill.pipeline.stages.write_parquet import ParquetFile
from shardmill.raw.cut_parts import Chunk, Part
from shardmill.raw.row_source import BadPlace, Place
from shardmill.raw.untaken_rows import few_values


@dataclass(frozen=True, slots=True)
class CleanedPart:
    """What became of the rows of a part in one split.

    Attributes:
        rows: How many rows were kept.
        parquet: The file of the kept rows; None if no row was kept.
        prepared: The prepared rows; None unless they were asked for.
        dropped: How many rows the recipe left out, by reason.
        bad: How many rows are not what the recipe says.
        first_bad: Where the first bad row stands, and what is wrong with it.
        left_out: The file of dropped and bad rows; None if there are none.
        untaken: How many rows of the files are in no split, by what stands in them.
        joined: Rows that quotes have most likely joined of several; None if there are none.
    """

    rows: int
    parquet: ParquetRecord | None
    prepared: PreparedFile | None
    dropped: dict[str, int] = field(default_factory=dict)
    bad: int = 0
    first_bad: BadPlace | None = None
    left_out: ParquetRecord | None = None
    untaken: Mapping[str, int] = field(default_factory=dict)
    joined: JoinedLines | None = None


def clean_part(job: CleanJob, part: Part) -> dict[str, CleanedPart]:
    """Write `<split>-<part>.parquet` for the split and for each split that is held out of it.

    Args:
        job: What is the same for all parts of the split.
        part: The part to clean.

    Returns:
        What was written, by the name of the split.

    Raises:
        InputError: A row is not what the recipe says, and such rows are not put in quarantine.
    """
    recipe, name = job.recipe, job.split
    shares = RowShares(recipe, name, part.index)
    with ExitStack() as stack:
        outputs = {split: PartOutput(job, split, part.index, stack) for split in shares.names}
        left_out = _LeftOut(job, part.index, stack)
        for chunk in part.chunks:
            raw, bad, untaken = job.source.read(chunk)
            cleaned = find_kind(recipe).clean(recipe, raw, labelled=shares.labelled)
            left_out.add(chunk, cleaned, bad)
            left_out.untaken.update(untaken)
            left_out.look_at(chunk, len(raw) + len(bad) + sum(untaken.values()))
            for output, table in zip(outputs.values(), shares.of(cleaned, raw), strict=True):
                output.parquet.write(table)
            # Arrow would keep what is freed, and more of it with each chunk.
            del raw, cleaned, table
            pa.default_memory_pool().release_unused()
            if job.ticks is not None:
                job.ticks.add()
        written = {split: output.close() for split, output in outputs.items()}
        written[name] = left_out.close(written[name])
    pa.default_memory_pool().release_unused()
    return written


class PartOutput:
    """One split's share of a part: cleaned rows, and prepared rows where they are wanted.

    Rows are prepared a row group at a time, as `prepare_parquet` does it too. Both ways must group
    rows alike, since a tokenizer is learnt from the tokens of the first row groups.

    Args:
        job: What is the same for all parts of the split.
        split: The split that the rows are for.
        part: The number of the part.
        stack: What closes the files if the part fails.

    Attributes:
        parquet: The file to write cleaned rows to.
    """

    def __init__(self, job: CleanJob, split: str, part: int, stack: ExitStack) -> None:
        name = f"{split}-{part:05d}"
        facts = {"name": job.recipe.name, "split": split, "generation": job.generation.name}
        metadata = {f"shardmill.{key}": value for key, value in facts.items()}
        self._prepared = PreparedWriter(job.recipe, job.scratch, split, name)
        self.parquet: ParquetFile = stack.enter_context(
            ParquetFile(
                job.generation,
                f"{name}.parquet",
                plain=find_kind(job.recipe).plain_columns(job.recipe),
                metadata=lambda schema: metadata | feature_metadata(job.recipe, schema),
                on_group=self._prepared.write,
                sizes=job.sizes,
            )
        )

    def close(self) -> CleanedPart:
        """Finish the files, and return what was written."""
        record = self.parquet.close()
        return CleanedPart(self.parquet.rows, record, self._prepared.close())


class _LeftOut:
    """Collects rows that were left out: where they stand, why, and their text."""

    def __init__(self, job: CleanJob, part: int, stack: ExitStack) -> None:
        self._job = job
        self._file = stack.enter_context(
            ParquetFile(job.generation, f"{job.split}.rejected-{part:05d}.parquet")
        )
        self._dropped: Counter[str] = Counter()
        self._bad = 0
        self._first_bad: BadPlace | None = None
        self.untaken: Counter[str] = Counter()
        self._looked = False
        self._joined: JoinedLines | None = None

    def look_at(self, chunk: Any, rows: int) -> None:
        """Look for rows that quotes have joined, in the first chunk of a part that may have some.

        One chunk says enough, and others would cost time in files with texts of several lines.
        """
        if not self._looked and may_have_joined(self._job, chunk, rows):
            self._looked = True
            self._joined = joined_lines(self._job, chunk)

    def add(self, chunk: Chunk, cleaned: Cleaned, bad: Sequence[BadPlace]) -> None:
        """Note the rows of a chunk that were dropped, have faults or could not be parsed.

        Raises:
            InputError: A row has a fault, and the recipe puts no rows in quarantine.
        """
        if cleaned.faults and not self._job.recipe.bad_rows_allowed():
            fault = cleaned.faults[0]
            (place,) = self._job.source.places(chunk, [fault.row], fault.column)
            raise with_others(fault, self._job, chunk, cleaned).at(str(place))
        reasons = {fault.row: reason_of(fault) for fault in reversed(cleaned.faults)}
        rows = sorted([*reasons, *cleaned.dropped])
        if not rows and not bad:
            return
        places = self._job.source.places(chunk, rows, "") if rows else []
        left_out = [
            BadPlace(place, reasons.get(row) or cleaned.dropped[row])
            for row, place in zip(rows, places, strict=True)
        ]
        self._dropped.update(cleaned.dropped.values())
        self._bad += len(reasons) + len(bad)
        in_order = sorted([*bad, *left_out], key=lambda row: row.place.number)
        if self._first_bad is None and (reasons or bad):
            dropped = set(cleaned.dropped.values())
            self._first_bad = next(row for row in in_order if row.reason not in dropped)
        self._file.write(_table(in_order, self._job.raw_paths))

    def close(self, kept: CleanedPart) -> CleanedPart:
        """Return what became of the rows of the split, with the rows that were left out."""
        return CleanedPart(
            rows=kept.rows,
            parquet=kept.parquet,
            prepared=kept.prepared,
            dropped=dict(self._dropped),
            bad=self._bad,
            first_bad=self._first_bad,
            left_out=self._file.close(),
            untaken=dict(few_values(self.untaken)),
            joined=self._joined,
        )


def _raw_path(file: Path, raw_paths: Mapping[Path, str]) -> str:
    """Return the path of a file in the lists of rows; it may be in a folder that is a raw file."""
    if file in raw_paths:
        return raw_paths[file]
    folder = next(above for above in file.parents if above in raw_paths)
    return str(PurePosixPath(raw_paths[folder]) / file.relative_to(folder))


def _line(place: Place) -> int | None:
    return place.number if place.unit else None


def _table(rows: Sequence[BadPlace], raw_paths: Mapping[Path, str]) -> pa.Table:
    return pa.table(
        {
            "file": pa.array([_raw_path(row.place.file, raw_paths) for row in rows], pa.string()),
            "line": pa.array([_line(row.place) for row in rows], pa.int64()),
            "reason": pa.array([row.reason for row in rows], pa.string()),
            "text": pa.array([row.place.text for row in rows], pa.string()),
        }
    )
