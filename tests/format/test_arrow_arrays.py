"""Arrays go to Arrow and back, whatever slice of them, without pandas."""

import itertools
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays

from shardmill.format.arrow_arrays import arrow_array, numpy_array, string_array

DTYPES = "bool int8 uint8 int16 int32 int64 float16 float32 float64".split()
ARRAYS = st.sampled_from(DTYPES).flatmap(lambda dtype: arrays.arrays(dtype, st.integers(0, 40)))
Array = npt.NDArray[np.generic]


@settings(max_examples=100, deadline=None)
@given(values=ARRAYS, step=st.sampled_from([1, 2, -1]))
def test_there_and_back(values: Array, step: int) -> None:
    values = values[::step]
    there = arrow_array(values)
    there.validate(full=True)
    assert there.null_count == 0
    assert there.equals(pa.array(values)) or np.isnan(values).any()
    back = numpy_array(there)
    assert back.dtype == values.dtype
    np.testing.assert_array_equal(back, values)


@settings(max_examples=100, deadline=None)
@given(values=ARRAYS, cuts=st.lists(st.integers(0, 40), max_size=4))
def test_slices_and_chunks(values: Array, cuts: list[int]) -> None:
    there = arrow_array(values)
    edges = [0, *sorted(min(cut, len(values)) for cut in cuts), len(values)]
    slices = [there.slice(a, b - a) for a, b in itertools.pairwise(edges)]
    for part, a, b in zip(slices, edges, edges[1:], strict=False):
        np.testing.assert_array_equal(numpy_array(part), values[a:b])
    together = numpy_array(pa.chunked_array(slices, there.type))
    assert together.dtype == values.dtype
    np.testing.assert_array_equal(together, values)


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_values_at_all(dtype: str) -> None:
    kind = arrow_array(np.zeros(1, dtype)).type
    for empty in (pa.array([], kind), pa.chunked_array([], kind), pa.nulls(3, kind).slice(0, 0)):
        found = numpy_array(empty)
        assert (found.dtype, found.shape) == (np.dtype(dtype), (0,))


def test_numbers_are_not_copied() -> None:
    values = np.arange(10)
    back = numpy_array(arrow_array(values))
    assert np.shares_memory(back, values)
    assert not back.flags.writeable


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=9), max_size=20))
def test_texts(texts: list[str]) -> None:
    found = string_array(texts)
    found.validate(full=True)
    assert found.equals(pa.array(texts, pa.string()))


@pytest.mark.skipif(
    int(pa.__version__.split(".")[0]) < 26, reason="pyarrow before 26 imports pandas more often"
)
def test_pandas_is_not_imported() -> None:
    code = """
import sys
import numpy as np
from shardmill.format.arrow_arrays import arrow_array, numpy_array, string_array
for values in (np.arange(3), np.ones(3, bool)):
    numpy_array(arrow_array(values))
string_array(["a"])
print("pandas" in sys.modules)
"""
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
