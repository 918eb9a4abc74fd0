"""Makes Arrow tables of the rows that a program gives.

A build reads their cells as `Preprocessor` reads those of the rows.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from shardmill.errors import EmptyFileError
from shardmill.kinds.find_kind import find_kind
from shardmill.kinds.given_arrays import as_given
from shardmill.kinds.given_rows import given_texts, is_missing, python_values
from shardmill.kinds.tabular_given import Speller
from shardmill.pipeline.builds.given_batches import GivenBatch, given_batches
from shardmill.raw.row_source import SourceColumns
from shardmill.raw.tables.check_schema import check_schema
from shardmill.recipe.load_recipe import check_facts
from shardmill.recipe.number_format import PLAIN_NUMBERS
from shardmill.recipe.tabular_column import Column
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.recipe.text_recipe import TextRecipe


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What to take of the rows of a split.

    Attributes:
        recipe: The recipe, which names all columns.
        where: What the rows are called in errors.
        columns: The columns of the rows.
        spellers: What spells the cells of each wanted column, but for texts.
    """

    recipe: TabularRecipe | TextRecipe
    where: str
    columns: SourceColumns
    spellers: dict[str, Speller]

    @classmethod
    def of(
        cls, recipe: TabularRecipe | TextRecipe, split: str, names: tuple[str, ...]
    ) -> "_Wanted":
        if isinstance(recipe, TabularRecipe) and recipe.is_open:
            facts = recipe.facts_with_columns(names)
            where = f"{recipe.name}, with the columns of {split}"
            named = check_facts(facts, where=where)
            assert isinstance(named, TabularRecipe)  # noqa: S101  as the recipe was
            recipe = named
        columns, known = _columns(recipe, split)
        texts = recipe.text_columns() if isinstance(recipe, TextRecipe) else ()
        spelled = [name for name in columns.wanted() if name not in texts]
        spellers = {name: _speller(recipe, name, known.get(name, ())) for name in spelled}
        return cls(recipe, f"the rows of {split}", columns, spellers)

    def check(self, names: tuple[str, ...]) -> None:
        """Compare names with those of the recipe.

        Raises:
            ColumnsError: A wanted column is missing or there twice, or another one is there.
        """
        schema = pa.schema([(name, pa.string()) for name in names])
        fail = self.recipe.rules().other_columns == "fail"
        check_schema(schema, self.columns, self.where, others_fail=fail)

    def table(self, batch: GivenBatch, first: int) -> pa.Table:
        """Return the wanted columns of a batch whose first row has this number."""
        return pa.table({name: self._cells(name, batch, first) for name in self.columns.wanted()})

    def _cells(self, name: str, batch: GivenBatch, first: int) -> pa.Array:
        cells, speller = batch.cells(name), self.spellers.get(name)
        if isinstance(cells, pa.DictionaryArray):
            cells = cells.dictionary_decode()
        if speller is None:
            return _texts(name, cells, first)
        if isinstance(cells, pa.Array):
            target = self.recipe.all_targets().get(name)
            is_label = target is not None and target.classes is not None
            kept = as_given(speller, cells, is_label=is_label)
            if kept is not None:
                return kept
            cells = python_values(cells.to_pylist, column=name)
        return speller.cells(cells, first=first)


def given_tables(recipe: TabularRecipe | TextRecipe, split: str, rows: Any) -> Iterator[pa.Table]:
    """Yield the wanted columns of the rows of a split. All tables have the same columns and types.

    A cell is a text, as a CSV file would have it, unless a build reads it in its own type just as
    well.

    Args:
        recipe: The recipe.
        split: The name of the split.
        rows: The rows; see `given_batches`.

    Raises:
        ColumnsError: The columns are not those of the recipe.
        EmptyFileError: There is no row.
        GivenRowError: A cell is no single value, or the rows are no rows.
        RecipeError: The recipe does not fit the columns.
    """
    wanted: _Wanted | None = None
    first, seen = 0, dict[str, None]()
    may_lack = False
    for batch in given_batches(rows):
        if wanted is None:
            wanted = _Wanted.of(recipe, split, batch.names)
        seen |= dict.fromkeys(batch.names)
        may_lack = batch.may_lack
        expected = dict.fromkeys(wanted.columns.wanted()) if may_lack else {}
        wanted.check((*batch.names, *(name for name in expected if name not in batch.names)))
        yield wanted.table(batch, first)
        first += batch.rows
    if wanted is None or not first:
        raise EmptyFileError(
            f"the rows of {split}",
            expected="at least one row",
            found="none",
            fix=f"give rows, or leave {split} out",
        )
    if may_lack:
        wanted.check(tuple(seen))


def _columns(
    recipe: TabularRecipe | TextRecipe, split: str
) -> tuple[SourceColumns, dict[str, set[str]]]:
    """Return the columns of rows, and the values by which splits divide them, by column."""
    path = f"{split}.arrow"
    users = {n: s for n, s in recipe.splits.items() if any(f.path == path for f in s.files())}
    values: dict[str, set[str]] = {}
    for file in (file for user in users.values() for file in user.row_files("arrow")):
        for name, wanted in (file.where or {}).items():
            values.setdefault(name, set()).update(wanted)
    columns = replace(
        find_kind(recipe).source_columns(recipe),
        labelled=any(user.labelled for user in users.values()),
    )
    groups = [name for user in users for name in recipe.group_columns(user)]
    return columns.with_others([*groups, *values]), values


def _speller(recipe: TabularRecipe | TextRecipe, name: str, others: Collection[str]) -> Speller:
    target = recipe.all_targets().get(name)
    labels = target.labels() if target is not None and target.names() else {}
    known = [*labels, *others]
    if isinstance(recipe, TabularRecipe) and name in recipe.columns:
        return Speller.of(recipe, name, known)
    return Speller(name, Column(dtype="str"), PLAIN_NUMBERS, frozenset(), frozenset(known))


def _texts(name: str, cells: pa.Array | list[Any], first: int) -> pa.Array:
    """Return the cells [n] of a column of texts; a missing one is empty."""
    if isinstance(cells, pa.Array):
        types = pa.types
        texts = (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
        if any(is_one(cells.type) for is_one in texts):
            return cells.cast(pa.string()).fill_null("")
        cells = python_values(cells.to_pylist, column=name)
    return given_texts(["" if is_missing(v) else v for v in cells], column=name, first=first)
