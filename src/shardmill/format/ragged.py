"""Rows of different lengths, in numpy arrays."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shardmill.format.arrow_arrays import Array


@dataclass(frozen=True, slots=True)
class Ragged:
    """Rows of different lengths: `values` [sum of sizes] and `sizes` [n] int32."""

    values: Array
    sizes: npt.NDArray[np.int32]
