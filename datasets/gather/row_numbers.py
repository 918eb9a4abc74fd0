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
    try:
        numbers = torch.as_tensor(index)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"rows are integers in one dimension, not {index!r}") from None
    if numbers.dtype == torch.bool and numbers.shape == (rows,):
        return torch.nonzero(numbers).squeeze(1)
    if numbers.numel() == 0:
        return numbers.reshape(-1).long()
    if numbers.dtype.is_floating_point or numbers.dtype == torch.bool or numbers.ndim > 1:
        raise TypeError(f"rows are integers in one dimension, not {index!r}")
    numbers = numbers.long()
    low, high = torch.aminmax(numbers)
    if low < -rows or high >= rows:
        row = int(high if high >= rows else low)
        raise IndexError(f"row {row} of {rows:,} in {of}")
    return torch.where(numbers < 0, numbers + rows, numbers) if low < 0 else numbers
