"""Hyper-parameters of the baselines, chosen on held-out training rows, never on test rows."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """How a baseline is trained.

    Attributes:
        epochs: passes over the train split.
        batch_size: rows of a batch.
        learning_rate: the highest of the one-cycle schedule.
        weight_decay: of AdamW.
        warmup: share of the steps in which the learning rate goes up.
        seed: of weights, order and dropout.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.01
    warmup: float = 0.3
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the settings for JSON."""
        return asdict(self)


BASELINES = {
    "tabular": Settings(epochs=60, batch_size=64, learning_rate=1e-2),
    "image": Settings(epochs=3, batch_size=256, learning_rate=2e-2, weight_decay=0.05),
    "text": Settings(epochs=10, batch_size=128, learning_rate=2e-3, weight_decay=0.0, warmup=0.05),
}
