"""Builds a table of one column, and gives the same cells to the preprocessor of the artifact."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from building import build
from one_column import one_column

import shardmill
from shardmill.serve.preprocessor import Preprocessor


def built_column(
    folder: Path, column: str, cells: Sequence[str], more: str = ""
) -> tuple[list[list[float]], Preprocessor]:
    """Return the rows of `x`, and the preprocessor, which gives the same for the same cells."""
    folder.mkdir(exist_ok=True)
    with (folder / "t").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([["c"], *([cell] for cell in cells)])
    artifact = build(one_column(column, more), folder, folder / "artifacts")
    dataset = shardmill.open(artifact)
    rows: Any = dataset[:]
    preprocessor = Preprocessor.load(artifact)
    given: Any = preprocessor([{"c": cell} for cell in cells])
    torch.testing.assert_close(given, rows, equal_nan=True)
    return rows.tolist(), preprocessor
