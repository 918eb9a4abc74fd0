"""Shares the cleaned rows of a chunk between a split and those that are drawn from it."""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import arrow_array, numpy_array
from shardmill.kinds.row import Cleaned
from shardmill.pipeline.stages.hold_out import GroupDraw, HoldOutDraw
from shardmill.raw.spell_values import texts_without_null
from shardmill.recipe.any_recipe import AnyRecipe

_GROUP = "\0group "  # before the name of a column with groups, which is no name of a column


def with_groups(cleaned: Cleaned, raw: pa.Table, groups: Mapping[str, str]) -> pa.Table:
    """Return cleaned rows with the groups that hold-outs go by."""
    table = cleaned.table
    if groups:
        kept = kept_rows(cleaned, len(raw))
        for name in dict.fromkeys(groups.values()):
            cells = texts_without_null(raw.column(name))
            texts = pc.utf8_trim_whitespace(cells.take(pa.array(kept, pa.int64())))
            table = table.append_column(f"{_GROUP}{name}", texts)
    return table


def shares(
    table: pa.Table,
    label: str | None,
    draws: Mapping[str, HoldOutDraw | GroupDraw],
    groups: Mapping[str, str],
) -> Iterator[pa.Table]:
    """Yield the rows that each hold-out draws from those that are left, and at last the rest."""
    own = [name for name in table.column_names if not name.startswith(_GROUP)]
    for split, draw in draws.items():
        if isinstance(draw, GroupDraw):
            held_out = draw.draw(table.column(f"{_GROUP}{groups[split]}").combine_chunks())
        else:
            labels = np.zeros(len(table), np.int64)
            if label is not None:
                labels = numpy_array(table.column(label))
            held_out = draw.draw(labels)
        yield table.filter(arrow_array(held_out)).select(own)
        table = table.filter(arrow_array(~held_out))
    yield table.select(own)


def groups_of(recipe: AnyRecipe, draws: Mapping[str, HoldOutDraw | GroupDraw]) -> dict[str, str]:
    """Return the column of the group that each split is drawn by, for those that have one."""
    return {s: h.group for s in draws if (h := recipe.splits[s].hold_out) and h.group}


def kept_rows(cleaned: Cleaned, rows: int) -> list[int]:
    """Return the positions of the kept rows in a raw table of so many rows."""
    left = {*cleaned.dropped, *(fault.row for fault in cleaned.faults)}
    return [row for row in range(rows) if row not in left]
