"""Finds rows that a quote has most likely joined of several.

In a file whose quotes are text, a quotation may begin in one row and end in a later one. Read with
quotes, the rows between are one, and the labels of all but one are part of a text. A row of several
lines is taken for such a one if each of its lines would be a row that the recipe takes, with a
known class. Ordinary texts of several lines have no class and no delimiters in each line.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from shardmill.kinds.find_kind import find_kind
from shardmill.pipeline.stages.clean_job import CleanJob
from shardmill.raw.sources import split_key

if TYPE_CHECKING:
    from shardmill.raw.csv.csv_source import CsvFileChunk, CsvSource


@dataclass(frozen=True, slots=True)
class JoinedLines:
    """Rows that quotes have joined.

    Attributes:
        rows: How many there are.
        lines: How many lines they have.
        file: The file of the first one.
        line: The line on which it begins.
    """

    rows: int
    lines: int
    file: Path
    line: int

    @classmethod
    def sum(cls, found: Iterable["JoinedLines | None"]) -> "JoinedLines | None":
        """Return all in one, with the place of the first; None if there are none."""
        each = [one for one in found if one is not None]
        if not each:
            return None
        rows, lines = sum(one.rows for one in each), sum(one.lines for one in each)
        return cls(rows, lines, each[0].file, each[0].line)


def may_have_joined(job: CleanJob, chunk: Any, rows: int) -> bool:
    """Say whether a chunk may have rows of several lines, without a look at it.

    Args:
        job: What is the same for all parts of the split.
        chunk: The chunk.
        rows: How many rows were found in it.
    """
    is_csv = split_key(job.recipe, job.recipe.splits[job.split]) == "csv"
    return is_csv and cast("CsvFileChunk", chunk).rows.lines > rows


def joined_lines(job: CleanJob, chunk: "CsvFileChunk") -> JoinedLines | None:
    """Return the rows of a chunk that quotes have joined, as far as can be said.

    Nothing can be said without classes.

    Args:
        job: What is the same for all parts of the split.
        chunk: A chunk that may have some.
    """
    from shardmill.raw.csv.lines_of_quotes import lines_of_quotes

    recipe, kind = job.recipe, find_kind(job.recipe)
    if not recipe.splits[job.split].labelled or kind.label_column(recipe) is None:
        return None
    source = cast("CsvSource", job.source)
    rows, lines, first = 0, 0, 0
    for found in lines_of_quotes(chunk.rows, source.columns):
        cleaned = kind.clean(recipe, found.table, labelled=True)
        if not cleaned.faults and not cleaned.dropped:
            rows, lines, first = rows + 1, lines + len(found.table), first or found.line
    return JoinedLines(rows, lines, chunk.rows.name, first) if rows else None
