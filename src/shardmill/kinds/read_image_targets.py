"""Reads the labels of images: numbers of classes, a column for each class, or other numbers."""

import numpy as np
import pyarrow as pa

from shardmill.errors import UnknownClassError, ValueFormatError
from shardmill.format.arrow_arrays import arrow_array, numpy_array
from shardmill.kinds.read_targets import class_indices, class_lists, rows_without_float32
from shardmill.kinds.row import RowFault
from shardmill.recipe.targets import ImageTarget

_COLUMN = "label"
_FIX = "correct the file, or target.encoding of the recipe"


def read_image_labels(
    labels: pa.ChunkedArray, target: ImageTarget
) -> tuple[pa.Array, list[RowFault]]:
    """Return the column of cleaned rows for labels [n], and the faults of those that are wrong.

    Args:
        labels: The labels as numbers, or as lists of numbers if there is a column for each class.
        target: What they are.
    """
    if target.encoding != "index":
        return _flags(labels.combine_chunks(), target)
    if target.role == "class":
        return class_indices(labels, target, _COLUMN)
    numbers = np.asarray(labels.combine_chunks()).astype(np.float64)
    facts = {"expected": "a finite number", "fix": "correct the file, or give the target classes"}
    faults = [
        RowFault(row, _COLUMN, ValueFormatError, found=str(numbers[row]), **facts)
        for row in rows_without_float32(numbers)
    ]
    return arrow_array(numbers), faults


def _flags(labels: pa.FixedSizeListArray, target: ImageTarget) -> tuple[pa.Array, list[RowFault]]:
    rows = numpy_array(labels.flatten()).reshape(len(labels), -1)
    flags = rows == 1
    wrong = ~(flags | (rows == 0)).all(axis=1)
    expected = "0 or 1 for each class"
    if target.role == "class":
        wrong |= flags.sum(axis=1) != 1
        expected = "1 for one class, and 0 for all others"
    faults = [
        RowFault(
            row, _COLUMN, UnknownClassError, expected=expected, found=_cut(rows[row]), fix=_FIX
        )
        for row in np.flatnonzero(wrong).tolist()
    ]
    if target.role == "class":
        return arrow_array(flags.argmax(axis=1).astype(np.int64)), faults
    return class_lists(flags.astype(np.uint8)), faults


def _cut(numbers: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> str:
    shown = ", ".join(map(str, numbers[:10].tolist()))
    return shown if len(numbers) <= 10 else f"{shown} and {len(numbers) - 10:,} more"
