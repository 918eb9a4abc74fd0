"""Cleans one split that has files of its own, together with the splits held out of it."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa

from shardmill.errors import EmptyFileError
from shardmill.kinds.row import Cleaned, RowFault
from shardmill.manifest import CleanedSplit, ParquetRecord
from shardmill.pipeline.generation import Generation
from shardmill.pipeline.hold_out import HoldOutDraw, hold_out_draws
from shardmill.pipeline.raw_files import RawContent
from shardmill.pipeline.read_split import SplitReader, split_reader
from shardmill.pipeline.write_parquet import ParquetSplit
from shardmill.preprocessor import clean, label_column, target_fields
from shardmill.recipe import AnyRecipe


def clean_split(
    recipe: AnyRecipe, name: str, raw: Mapping[str, RawContent], generation: Generation
) -> dict[str, CleanedSplit]:
    """Write `<split>-00000.parquet` for split `name` and for each split held out of it.

    Args:
        recipe: of the dataset.
        name: a split with files of its own.
        raw: every raw file that was found, by its path in the recipe.
        generation: where to write.

    Returns:
        What was written, by split.

    Raises:
        InputError: a raw file is not what the recipe says.
    """
    split = recipe.splits[name]
    reader = split_reader(recipe, split, raw)
    label = label_column(recipe) if split.labelled else None
    draws = hold_out_draws(recipe, name)
    writers = {n: ParquetSplit(generation, f"{n}-00000.parquet") for n in (*draws, name)}
    dropped = _DroppedRows(reader, ParquetSplit(generation, f"{name}.dropped-00000.parquet"))
    row = 0
    for table in reader.tables():
        try:
            cleaned = clean(recipe, table, labelled=split.labelled)
            for fault in cleaned.faults:
                raise fault
        except RowFault as fault:
            raise fault.at(reader.place(row + fault.row, fault.column)) from None
        dropped.add(table, cleaned, row)
        row += len(table)
        for writer, part in zip(
            writers.values(), _parts(cleaned.table, label, draws.values()), strict=True
        ):
            writer.write(part)
    if row == 0 or writers[name].rows == 0:
        raise EmptyFileError(
            reader.file,
            expected="at least one row to keep",
            found=f"{row:,} rows, none to keep",
            fix="fetch or copy the file again, or correct the recipe",
        )
    return {
        n: CleanedSplit(
            rows=writer.rows,
            labelled=split.labelled and bool(target_fields(recipe)),
            parquet=(writer.close(),),
            dropped=dropped.reasons if n == name else {},
            dropped_rows=dropped.close() if n == name else None,
        )
        for n, writer in writers.items()
    }


def _parts(table: pa.Table, label: str | None, draws: Iterable[HoldOutDraw]) -> Iterator[pa.Table]:
    """Yield the rows that each hold-out draws from what the last one left, and then the rest."""
    for draw in draws:
        labels = np.zeros(len(table), np.int64) if label is None else table.column(label)
        held_out = draw.draw(np.asarray(labels))
        yield table.filter(pa.array(held_out))
        table = table.filter(pa.array(~held_out))
    yield table


class _DroppedRows:
    """Keeps rows that were left out, with where they stood and why."""

    def __init__(self, reader: SplitReader, writer: ParquetSplit) -> None:
        self._reader = reader
        self._writer = writer
        self.reasons: dict[str, int] = {}

    def add(self, raw: pa.Table, cleaned: Cleaned, first: int) -> None:
        if not cleaned.dropped:
            return
        reasons = list(cleaned.dropped.values())
        self.reasons = dict(Counter(self.reasons) + Counter(reasons))
        rows = raw.take(pa.array(list(cleaned.dropped))).to_pylist()
        self._writer.write(
            pa.table(
                {
                    "row": pa.array([first + position for position in cleaned.dropped]),
                    "reason": reasons,
                    "cells": [json.dumps(row, ensure_ascii=False) for row in rows],
                }
            )
        )

    def close(self) -> ParquetRecord | None:
        return self._writer.close() if self._writer.rows else None
