"""Shares the cleaned rows of a chunk between a split and those that are drawn from it."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import arrow_array, numpy_array
from shardmill.kinds.find_kind import find_kind
from shardmill.kinds.row import Cleaned
from shardmill.pipeline.stages.hold_out import GroupDraw, hold_out_draws
from shardmill.raw.spell_values import texts_without_null
from shardmill.recipe.any_recipe import AnyRecipe

_GROUP = "\0group "  # before the name of a column with groups, which is no name of a column


class RowShares:
    """Shares the rows of a part, which come chunk by chunk and in their order.

    Args:
        recipe: The recipe of the dataset.
        split: A split that has files of its own.
        part: The number of the part.

    Attributes:
        labelled: Whether the split has targets.
        names: The splits that are drawn from it, in the order of their draws, and at last itself.
    """

    def __init__(self, recipe: AnyRecipe, split: str, part: int) -> None:
        self.labelled: bool = recipe.splits[split].labelled
        self._label = find_kind(recipe).label_column(recipe) if self.labelled else None
        self._draws = hold_out_draws(recipe, split, part)
        held_out = {name: recipe.splits[name].hold_out for name in self._draws}
        self._groups = {name: said.group for name, said in held_out.items() if said and said.group}
        self.names: tuple[str, ...] = (*self._draws, split)

    def of(self, cleaned: Cleaned, raw: pa.Table) -> Iterator[pa.Table]:
        """Yield the rows of each split, in the order of `names`."""
        own = cleaned.table.column_names
        table = self._with_groups(cleaned, raw)
        for split, draw in self._draws.items():
            if isinstance(draw, GroupDraw):
                groups = table.column(f"{_GROUP}{self._groups[split]}")
                held_out = draw.draw(groups.combine_chunks())
            else:
                labels = np.zeros(len(table), np.int64)
                if self._label is not None:
                    labels = numpy_array(table.column(self._label))
                held_out = draw.draw(labels)
            yield table.filter(arrow_array(held_out)).select(own)
            table = table.filter(arrow_array(~held_out))
        yield table.select(own)

    def _with_groups(self, cleaned: Cleaned, raw: pa.Table) -> pa.Table:
        """Return cleaned rows with the groups that hold-outs go by."""
        table = cleaned.table
        if self._groups:
            kept = pa.array(kept_rows(cleaned, len(raw)), pa.int64())
            for name in dict.fromkeys(self._groups.values()):
                cells = texts_without_null(raw.column(name))
                texts = pc.utf8_trim_whitespace(cells.take(kept))
                table = table.append_column(f"{_GROUP}{name}", texts)
        return table


def kept_rows(cleaned: Cleaned, rows: int) -> list[int]:
    """Return the positions of the kept rows in a raw table of so many rows."""
    left = {*cleaned.dropped, *(fault.row for fault in cleaned.faults)}
    return [row for row in range(rows) if row not in left]
