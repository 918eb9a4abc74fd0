"""Names and other values that several tables of recipes have."""

from collections.abc import Collection
from itertools import islice
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field

from shardmill.strict import spelt

Name = Annotated[
    str,
    spelt(
        "[A-Za-z0-9][A-Za-z0-9_-]{0,63}",
        "up to 64 ASCII letters, digits, - and _ that begin with a letter or a digit",
    ),
]
Count = Annotated[int, Field(ge=1)]
Text = TypeVar("Text", bound=str)
_LISTED = 10  # a message lists at most so many names


def listed(names: Collection[str], *, least: str = "") -> str:
    """Return at most ten names with commas between them, and how many more there are.

    Args:
        names: The names.
        least: What stands before that number.
    """
    first = ", ".join(islice(names, _LISTED))
    return first if len(names) <= _LISTED else f"{first} and {least}{len(names) - _LISTED:,} more"


def distinct(values: tuple[Text, ...]) -> tuple[Text, ...]:
    """Return `values`.

    Raises:
        ValueError: One of them occurs twice.
    """
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"named twice: {listed(twice)}")
    return values


Names = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(distinct)]
