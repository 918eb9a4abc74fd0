"""What a model reached."""

from dataclasses import asdict, dataclass, field
from statistics import mean, stdev
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a model reached on rows that it has not seen.

    Attributes:
        data: `text`, `images` or `tabular`.
        model: its name in tables.
        accuracies: by seed, or by split of the rows.
        seconds: that each training took; without reading the rows, and choosing.
        chosen: settings that held-out training rows have chosen, if any.
    """

    data: str
    model: str
    accuracies: list[float]
    seconds: list[float]
    chosen: list[Any] = field(default_factory=list)

    @property
    def mean(self) -> float:
        """Mean accuracy."""
        return mean(self.accuracies)

    @property
    def spread(self) -> float | None:
        """Standard deviation of the accuracies, None of a single one."""
        return stdev(self.accuracies) if len(self.accuracies) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome for JSON."""
        return {**asdict(self), "mean": self.mean, "spread": self.spread}
