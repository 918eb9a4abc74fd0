"""What may stand between the brackets of `ds[...]`, as row numbers."""

from typing import Any

import numpy as np
import torch
from torch import Tensor


def row_numbers(index: Any, rows: int, of: object) -> Tensor:
    """Return the rows that `index` names as int64: [] for an integer, otherwise [b].

    Args:
        index: An integer, a slice, a list, array or tensor of integers, or a mask [rows] of bools.
        rows: How many rows there are. Negative numbers count from the end.
        of: What has the rows, for the message.

    Raises:
        IndexError: A row is out of range.
        TypeError: The index does not name rows.

    Example:
        >>> row_numbers(slice(-2, None), 10, "ds")
        tensor([8, 9])
    """
    if isinstance(index, slice):
        return torch.from_numpy(np.arange(*index.indices(rows), dtype=np.int64))
    numbers = _as_numbers(index)
    if numbers.dtype == torch.bool and numbers.shape == (rows,):
        return torch.nonzero(numbers).squeeze(1)
    if numbers.numel() == 0:
        return numbers.reshape(-1).long()
    if numbers.dtype.is_floating_point or numbers.dtype == torch.bool or numbers.ndim > 1:
        found = f"{str(numbers.dtype).removeprefix('torch.')} of shape {list(numbers.shape)}"
        raise TypeError(f"rows are integers in one dimension or a mask of [{rows}], not {found}")
    numbers = numbers.long()
    low, high = torch.aminmax(numbers)
    if low < -rows or high >= rows:
        row = int(high if high >= rows else low)
        raise IndexError(f"row {row} of {rows:,} in {of}")
    return torch.where(numbers < 0, numbers + rows, numbers) if low < 0 else numbers


def _as_numbers(index: Any) -> Tensor:
    """Return numbers or bools as a tensor on the CPU, where all rows are.

    numpy knows what torch does not take: negative strides, other byte orders, unsigned integers,
    and all that turns itself into an array, as a Series of pandas.
    """
    if isinstance(index, Tensor):
        return index.cpu()
    try:
        array = np.asarray(index)
    except (TypeError, ValueError, RuntimeError):
        array = np.asarray(None)
    if array.dtype == np.uint64:
        # What int64 cannot hold is no row of any dataset, and the largest number stays too large.
        array = np.minimum(array, np.uint64(np.iinfo(np.int64).max))
    if array.dtype.kind in "iu":
        array = array.astype(np.int64)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"rows are integers in one dimension, not {index!r}")
    return torch.from_numpy(np.array(array, array.dtype.newbyteorder("="), order="C"))
