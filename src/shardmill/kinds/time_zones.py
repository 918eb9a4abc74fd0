"""Turns local times of a zone into instants, and back."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

Microseconds = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]


class Instants(NamedTuple):
    """Microseconds [n] since 1970 in UTC, and which local times [n] have none or two."""

    values: Microseconds
    twice: Marks
    never: Marks


def instants_of(local: Microseconds, zone: str) -> Instants:
    """Return the instants of local times.

    Args:
        local: Microseconds [n] from 1970 to the local times, of the years 1 to 9999 with a day to
            spare at both ends.
        zone: The name of the zone.

    Example:
        >>> hour = 3_600_000_000
        >>> instants_of(np.array([hour]), "Europe/Berlin").values.tolist()
        [0]
    """
    times = pd.DatetimeIndex(local.view("datetime64[us]"))
    tz = ZoneInfo(zone)
    found = times.tz_localize(tz, ambiguous="NaT", nonexistent="NaT")
    neither = np.asarray(found.isna())
    values = found.tz_convert(None).as_unit("us").asi8
    never = np.zeros(len(local), np.bool_)
    if neither.any():
        rows = np.flatnonzero(neither)
        in_summer = np.ones(len(rows), np.bool_)
        some = times[rows].tz_localize(tz, ambiguous=in_summer, nonexistent="NaT")
        never[rows] = np.asarray(some.isna())
    return Instants(np.where(neither, 0, values), neither & ~never, never)


def local_times(instants: "pd.DatetimeIndex", zone: str) -> "pd.DatetimeIndex":
    """Return the local times [n] of instants [n] in UTC, both without a zone."""
    return instants.tz_localize("UTC").tz_convert(ZoneInfo(zone)).tz_localize(None)
