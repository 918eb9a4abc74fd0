"""What was guessed, why, and what else it might be."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Guess:
    """Keys of a recipe that were found out from raw files.

    Attributes:
        keys: The keys and their values, as in TOML.
        reason: Why, and what else it might be; empty if there is no doubt.
    """

    keys: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
