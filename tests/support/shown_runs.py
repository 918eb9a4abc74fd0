"""What the tests of show run share."""

import warnings
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tensorboard")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def to_html(markdown: Any) -> str:
    """Return what TensorBoard makes of a text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that it brings along
        from tensorboard.plugin_util import markdown_to_safe_html
    html: str = markdown_to_safe_html(markdown)
    return html


def read_events(folder: Path) -> Any:
    all_of = {"histograms": 0, "images": 0, "tensors": 0}
    events = EventAccumulator(str(folder), size_guidance=all_of)
    events.Reload()
    return events
