"""Cleans one part of a split that has files of its own, and of the splits held out of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from shardmill.format.arrow_arrays import arrow_array, numpy_array
from shardmill.format.manifest import ParquetRecord
from shardmill.kinds.find_kind import find_kind
from shardmill.kinds.row import Cleaned, RowFault
from shardmill.pipeline.builds.generation import Generation
from shardmill.pipeline.stages.hold_out import HoldOutDraw, hold_out_draws
from shardmill.pipeline.stages.prepared_rows import PreparedFile, PreparedWriter
from shardmill.pipeline.stages.write_parquet import ParquetFile
from shardmill.raw.cut_parts import Chunk, Part
from shardmill.raw.row_source import BadPlace, RowSource
from shardmill.recipe.any_recipe import AnyRecipe


@dataclass(frozen=True, slots=True)
class CleanJob:
    """What is the same for all parts of a split.

    Attributes:
        recipe: of the dataset.
        split: a split with files of its own.
        source: of its raw rows.
        generation: where to write.
        scratch: The folder for prepared rows, which the shard stage encodes; None if that stage
            does not follow at once.
        raw_paths: what to call each raw file where rows are left out.
    """

    recipe: AnyRecipe
    split: str
    source: RowSource
    generation: Generation
    scratch: Path | None
    raw_paths: Mapping[Path, str]


@dataclass(frozen=True, slots=True)
class CleanedPart:
    """What became of a part's rows in one split.

    Attributes:
        rows: that were kept.
        parquet: where they are; None if there are none.
        prepared: The prepared rows; None unless they were asked for.
        dropped: how many rows the recipe left out, by reason.
        bad: how many are not what the recipe says.
        first_bad: the first of these: where it stands, and what is wrong with it.
        left_out: where both are kept; None if there are none.
    """

    rows: int
    parquet: ParquetRecord | None
    prepared: PreparedFile | None
    dropped: dict[str, int] = field(default_factory=dict)
    bad: int = 0
    first_bad: BadPlace | None = None
    left_out: ParquetRecord | None = None


def clean_part(job: CleanJob, part: Part) -> dict[str, CleanedPart]:
    """Write `<split>-<part>.parquet` for the split and for each split held out of it.

    Returns:
        What was written, by split.

    Raises:
        InputError: a row is not what the recipe says, and such rows are not put in quarantine.
    """
    recipe, name = job.recipe, job.split
    labelled = recipe.splits[name].labelled
    label = find_kind(recipe).label_column(recipe) if labelled else None
    draws = hold_out_draws(recipe, name, part.index)
    with ExitStack() as stack:
        outputs = {split: _Output(job, split, part.index, stack) for split in (*draws, name)}
        left_out = _LeftOut(job, part.index, stack)
        for chunk in part.chunks:
            raw, bad = job.source.read(chunk)
            cleaned = find_kind(recipe).clean(recipe, raw, labelled=labelled)
            left_out.add(chunk, cleaned, bad)
            shares = _shares(cleaned.table, label, draws.values())
            for output, table in zip(outputs.values(), shares, strict=True):
                output.parquet.write(table)
        written = {split: output.close() for split, output in outputs.items()}
        written[name] = left_out.close(written[name])
    # What Arrow keeps for later would be added to what the next stage takes.
    pa.default_memory_pool().release_unused()
    return written


def _shares(table: pa.Table, label: str | None, draws: Iterable[HoldOutDraw]) -> Iterator[pa.Table]:
    """Yield the rows that each hold-out draws from what the last one left, and then the rest."""
    for draw in draws:
        labels = np.zeros(len(table), np.int64)
        if label is not None:
            labels = numpy_array(table.column(label))
        held_out = draw.draw(labels)
        yield table.filter(arrow_array(held_out))
        table = table.filter(arrow_array(~held_out))
    yield table


class _Output:
    """One split's share of a part: cleaned rows, and prepared rows where they are wanted.

    Rows are prepared by row groups, as `prepare_parquet` does it. What is fitted may depend on how
    rows come together (sums of floats do), and is the same with both.
    """

    def __init__(self, job: CleanJob, split: str, part: int, stack: ExitStack) -> None:
        name = f"{split}-{part:05d}"
        facts = {"name": job.recipe.name, "split": split, "generation": job.generation.name}
        self._prepared = PreparedWriter(job.recipe, job.scratch, split, name)
        self.parquet = stack.enter_context(
            ParquetFile(
                job.generation,
                f"{name}.parquet",
                plain=find_kind(job.recipe).PLAIN_COLUMNS,
                metadata={f"shardmill.{key}": value for key, value in facts.items()},
                on_group=self._prepared.write,
            )
        )

    def close(self) -> CleanedPart:
        record = self.parquet.close()
        return CleanedPart(self.parquet.rows, record, self._prepared.close())


class _LeftOut:
    """Rows that were left out: where they stand, why, and their text."""

    def __init__(self, job: CleanJob, part: int, stack: ExitStack) -> None:
        self._job = job
        self._file = stack.enter_context(
            ParquetFile(job.generation, f"{job.split}.rejected-{part:05d}.parquet")
        )
        self._dropped: Counter[str] = Counter()
        self._bad = 0
        self._first_bad: BadPlace | None = None

    def add(self, chunk: Chunk, cleaned: Cleaned, bad: Sequence[BadPlace]) -> None:
        """Note the rows of a chunk that were dropped, have faults or could not be parsed.

        Raises:
            InputError: there is a fault, and no quarantine.
        """
        if cleaned.faults and not self._job.recipe.bad_rows_allowed():
            fault = cleaned.faults[0]
            (place,) = self._job.source.places(chunk, [fault.row], fault.column)
            raise fault.at(str(place))
        reasons = {fault.row: _reason(fault) for fault in reversed(cleaned.faults)}
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
        """Return what became of the split's rows, those left out included."""
        return CleanedPart(
            rows=kept.rows,
            parquet=kept.parquet,
            prepared=kept.prepared,
            dropped=dict(self._dropped),
            bad=self._bad,
            first_bad=self._first_bad,
            left_out=self._file.close(),
        )


def _table(rows: Sequence[BadPlace], raw_paths: Mapping[Path, str]) -> pa.Table:
    return pa.table(
        {
            "file": pa.array([raw_paths[row.place.file] for row in rows], pa.string()),
            "line": pa.array([row.place.number for row in rows], pa.int64()),
            "reason": pa.array([row.reason for row in rows], pa.string()),
            "text": pa.array([row.place.text for row in rows], pa.string()),
        }
    )


def _reason(fault: RowFault) -> str:
    return f"{fault.column}: expected {fault.facts['expected']}, found {fault.facts['found']}"
