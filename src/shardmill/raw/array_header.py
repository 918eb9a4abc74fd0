"""What is known of an array in a raw file before its rows are read."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class ArrayHeader:
    """An array in a raw file.

    Attributes:
        dtype: The type of an element in the file.
        shape: The number of rows, then the shape of a row.
        start: How many bytes of the file stand before the first element.
        fortran: Whether the elements are in Fortran order, in which the number of the row changes
            fastest, and not in C order.
    """

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    start: int
    fortran: bool = False

    @property
    def row_bytes(self) -> int:
        """How many bytes a row takes in the file."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def bytes(self) -> int:
        """How many bytes all rows take in the file."""
        return self.shape[0] * self.row_bytes
