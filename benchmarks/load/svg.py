"""Settings of matplotlib for small files that do not change by themselves."""

from typing import Any

# Text stays text, and ids do not depend on the process. A short list of fonts, since it is
# repeated at every label.
SVG_SETTINGS: Any = {
    "svg.hashsalt": "shardmill",
    "svg.fonttype": "none",
    "font.size": 8,
    "font.sans-serif": ["DejaVu Sans", "Arial"],
}
