"""Sums of floats are exact, whatever the floats are."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as npst

from shardmill.kinds.exact_sums import (
    UNITS,
    exact_squares,
    exact_sum,
    exact_weighted_sum,
    integer_sums,
    squares,
    to_float,
    units,
)

floats = st.floats(allow_nan=False, allow_infinity=False)
# Numbers that cancel, that are as small or as large as they come, and in between.
hard_floats = floats | st.sampled_from([5e-324, -5e-324, 2.0**990, -(2.0**990), 1e308, 0.1, 1e16])


@settings(max_examples=300, deadline=None)
@given(st.lists(hard_floats, max_size=60))
def test_sums_are_those_of_fractions(numbers: list[float]) -> None:
    assert Fraction(exact_sum(np.array(numbers)), UNITS) == sum(map(Fraction, numbers))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(hard_floats, st.integers(0, 2**62)), max_size=30))
def test_weighted_sums_are_those_of_fractions(pairs: list[tuple[float, int]]) -> None:
    values = np.array([value for value, _ in pairs], np.float64)
    times = np.array([count for _, count in pairs], np.int64)
    expected = sum(Fraction(value) * count for value, count in pairs)
    assert Fraction(exact_weighted_sum(values, times), UNITS) == expected


@pytest.mark.parametrize("spread", [1.0, 100.0, 600.0])
def test_more_numbers_than_are_summed_at_a_time(spread: float) -> None:
    numbers = np.random.default_rng(0).normal(size=50_000)
    numbers = np.sign(numbers) * np.exp(np.abs(numbers) * spread / 5)
    assert to_float(exact_sum(numbers)) == math.fsum(numbers)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1e150, 1e150), min_size=1, max_size=40), st.floats(-1e150, 1e150))
def test_squares_are_those_of_fsum(numbers: list[float], mean: float) -> None:
    values = np.array(numbers)
    expected = math.fsum((value - mean) * (value - mean) for value in numbers)
    assert to_float(squares(values, mean)) == expected
    distinct, times = np.unique(values, return_counts=True)
    assert squares(distinct, mean, times) == squares(values, mean)


@settings(max_examples=300, deadline=None)
@given(st.lists(hard_floats, max_size=60))
def test_exact_squares_are_those_of_fractions(numbers: list[float]) -> None:
    expected = sum((Fraction(number) ** 2 for number in numbers), Fraction())
    assert exact_squares(np.array(numbers)) == expected


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["int8", "int32", "int64"]).flatmap(lambda dtype: npst.arrays(dtype, 20)),
    st.sampled_from([1, 500]),
)
def test_sums_of_integers(values: npt.NDArray[Any], times: int) -> None:
    whole = values.tolist()
    expected = (times * sum(whole), times * sum(value * value for value in whole))
    assert integer_sums(np.tile(values, times)) == expected


def test_squares_beyond_a_float() -> None:
    with pytest.raises(OverflowError, match="a square is too large"):
        squares(np.array([1e200]), 0.0)


def test_a_float_is_a_whole_number_of_units() -> None:
    assert units(5e-324) == 1
    assert to_float(units(math.pi)) == math.pi
