"""What may stand between the brackets of `ds[...]`."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from shardmill.datasets.gather.row_numbers import row_numbers

INTEGERS = "int8 int16 int32 int64 uint8 uint16 uint32 uint64 >i2 >i8 >u4 >u8".split()


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_of_any_dtype(dtype: str) -> None:
    array = np.array([7, 0, 3], dtype)
    for index in (array, array[::-1][::-1], np.asfortranarray(array), pd.Series(array.astype(int))):
        found = row_numbers(index, 10, "ds")
        assert (found.dtype, found.tolist()) == (torch.int64, [7, 0, 3])
    assert row_numbers(array[::-1], 10, "ds").tolist() == [3, 0, 7]
    assert int(row_numbers(array[1], 10, "ds")) == 0
    with pytest.raises(IndexError, match="row 7 of 5 in ds"):
        row_numbers(array, 5, "ds")


@pytest.mark.parametrize(
    ("index", "found"),
    [
        (3, 3),
        (-1, 9),
        (np.int64(4), 4),
        ([1, -2], [1, 8]),
        ((1, 2), [1, 2]),
        (range(4), [0, 1, 2, 3]),
        (slice(None, None, -5), [9, 4]),
        ([], []),
        (np.zeros(0), []),
        (torch.tensor([2, -1], dtype=torch.int32), [2, 9]),
        ([torch.tensor(2), torch.tensor(5)], [2, 5]),
        ([np.uint16(2), 5], [2, 5]),
        (pd.Index([4, 1]), [4, 1]),
        (np.arange(10) % 4 == 1, [1, 5, 9]),
        (pd.Series(np.arange(10) > 7), [8, 9]),
        (torch.arange(10) > 7, [8, 9]),
    ],
)
def test_rows(index: Any, found: Any) -> None:
    assert row_numbers(index, 10, "ds").tolist() == found


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ([1.0, 2.0], r"or a mask of \[10\], not float64 of shape \[2\]"),
        ([[1], [2]], r"not int64 of shape \[2, 1\]"),
        ([True, False], r"not bool of shape \[2\]"),
        ([[1], [2, 3]], r"not \[\[1\], \[2, 3\]\]"),
        ("3", "not '3'"),
        (None, "not None"),
        ([1, None], "not "),
    ],
)
def test_what_are_no_rows(index: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"rows are integers in one dimension.*{message}"):
        row_numbers(index, 10, "ds")


def test_a_number_that_int64_cannot_hold() -> None:
    with pytest.raises(IndexError, match="of 10 in ds"):
        row_numbers(np.array([2**64 - 1], np.uint64), 10, "ds")
