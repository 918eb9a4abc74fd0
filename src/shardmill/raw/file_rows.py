"""Which rows of a raw file with columns belong to a split."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from shardmill.format.arrow_arrays import numpy_array
from shardmill.raw.raw_files import RawContent
from shardmill.raw.spell_values import texts_without_null
from shardmill.raw.untaken_rows import Where, count_untaken, rows_of
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.splits import RawFile, RowFile, Split


class TakenRows(NamedTuple):
    """The rows of a table that belong to a split.

    Attributes:
        table: The rows [n], with the wanted columns alone.
        untaken: How many rows belong to no split; see `ReadRows`.
    """

    table: pa.Table
    untaken: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FileRows:
    """A raw file, and which of its rows are meant.

    Attributes:
        content: The file.
        where: The values that columns have in the rows that are meant, by column; all rows if it is
            empty.
        wheres: The same of all splits that take rows of the file, if those that no split takes are
            to be counted; else none.
    """

    content: RawContent
    where: Where = field(default_factory=dict)
    wheres: tuple[Where, ...] = ()

    @classmethod
    def of(
        cls,
        recipe: AnyRecipe,
        split: Split,
        raw: Mapping[str, tuple[RawContent, ...]],
        file: RawFile,
        content: RawContent,
    ) -> "FileRows":
        """Return the rows of one raw file that a split takes.

        Args:
            recipe: The recipe of the dataset.
            split: The split.
            raw: All raw files, by their path in the recipe.
            file: The entry of the recipe that the raw file belongs to.
            content: The raw file.
        """
        where = _where(file)
        return cls(content, where, _wheres(recipe, split, raw, content) if where else ())

    def columns(self) -> tuple[str, ...]:
        """Return the columns that say which rows are meant."""
        return tuple(dict.fromkeys(name for each in (self.where, *self.wheres) for name in each))

    def take(self, table: pa.Table, wanted: Sequence[str]) -> TakenRows:
        """Return the rows of a table that are meant.

        Args:
            table: Rows of the file, among whose columns are those of `columns`.
            wanted: The columns to return.
        """
        if not self.where:
            return TakenRows(table, {})
        facts = _texts(table, self.columns())
        untaken = count_untaken(facts, self.wheres) if self.wheres else Counter[str]()
        return TakenRows(table.filter(rows_of(facts, self.where)).select(wanted), untaken)

    def positions(self, table: pa.Table, rows: Sequence[int]) -> list[int]:
        """Return the positions in a table of some of the rows that `take` returns of it."""
        if not self.where:
            return list(rows)
        meant = numpy_array(rows_of(_texts(table, self.columns()), self.where))
        positions: list[int] = np.flatnonzero(meant)[list(rows)].tolist()
        return positions


def _texts(table: pa.Table, names: Sequence[str]) -> pa.Table:
    return pa.table({name: texts_without_null(table.column(name)) for name in names})


def _wheres(
    recipe: AnyRecipe,
    split: Split,
    raw: Mapping[str, tuple[RawContent, ...]],
    content: RawContent,
) -> tuple[Where, ...]:
    """Return the `where` of all splits that take rows of a file, for the first one alone."""
    users = [
        (other, _where(file))
        for other in recipe.source_splits().values()
        for file in other.files()
        if content in raw.get(file.path, ())
    ]
    if users[0][0] is not split or not all(where for _, where in users):
        return ()  # another split counts, or one takes all rows
    return tuple(where for _, where in users)


def _where(file: RawFile) -> Where:
    return (file.where or {}) if isinstance(file, RowFile) else {}
