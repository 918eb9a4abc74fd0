"""Takes the parts of times, such as the hour or the day of the week."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from shardmill.kinds.time_zones import local_times
from shardmill.recipe.tabular_column import Column

_PANDAS_NAMES = {"weekday": "day_of_week", "yearday": "day_of_year"}
_MICROSECONDS = 1e6  # in a second


def parts_of_times(column: Column, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the parts [parts, n] of times from `cell_numbers`, NaN where a time is missing."""
    # A median or mean that was filled in may be a fraction of a day.
    if values.dtype == np.int64:
        units = values
    elif column.dtype == "date":
        units = np.floor(values) * 86_400 * _MICROSECONDS
    else:
        units = np.round(values * _MICROSECONDS)
    missing = np.isnan(units)
    whole = np.where(missing, 0, units).astype(np.int64)
    times = pd.DatetimeIndex(whole.view("datetime64[us]"))
    if column.timezone is not None:
        times = local_times(times, column.timezone)
    numbers = np.empty((len(column.parts), len(values)))
    for index, part in enumerate(column.parts):
        numbers[index] = getattr(times, _PANDAS_NAMES.get(part, part))
    numbers[:, missing] = np.nan
    return numbers
