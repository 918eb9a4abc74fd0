"""One data set of the benchmark, as every process sees it, and its tensors."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Case:
    """Where a data set is, in each of its forms.

    Attributes:
        name: `images`, `text` or `tabular`.
        rows: of the train split.
        batch_size: rows of a batch, for every contender.
        padding_id: what fills rows of text up.
        key: of the artifact's content; what was written for another one is written again.
        raw: the folder of raw files.
        artifact: shardmill's.
        tensors: the same rows as plain `.npy` files, from which peers write their own formats:
            `x` and `y`, or for text `ids` of all rows [tokens], `offsets` [rows + 1] and `y`.
        peers: the folder of the peers' own formats.
    """

    name: str
    rows: int
    batch_size: int
    padding_id: int
    key: str
    raw: str
    artifact: str
    tensors: str
    peers: str

    @property
    def is_text(self) -> bool:
        """Whether rows are ids of different lengths."""
        return self.name == "text"

    def array(self, name: str) -> np.ndarray[Any, Any]:
        """Return one of the plain tensors, mapped copy-on-write from its file."""
        array: np.ndarray[Any, Any] = np.load(Path(self.tensors) / f"{name}.npy", mmap_mode="c")
        return array

    def to_json(self) -> str:
        """Return the case as text for another process."""
        return json.dumps(asdict(self))


def case_from_json(text: str) -> Case:
    """Return what `Case.to_json` wrote."""
    return Case(**json.loads(text))


def rows_between(case: Case, start: int, stop: int) -> Iterator[tuple[np.ndarray[Any, Any], int]]:
    """Yield rows `(x, y)` as arrays of their own: `x` of its shape, or the ids [length]."""
    labels = case.array("y")
    if case.is_text:
        ids, offsets = case.array("ids"), case.array("offsets")
        for row in range(start, stop):
            yield np.array(ids[offsets[row] : offsets[row + 1]]), int(labels[row])
    else:
        x = case.array("x")
        for row in range(start, stop):
            yield np.array(x[row]), int(labels[row])


def dense_tensors(case: Case) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return `x` [rows, ...] and the lengths [rows] int64 of its rows, in memory.

    Text is filled up to the longest row of all; other rows all have their full length.
    """
    if not case.is_text:
        x = np.array(case.array("x"))
        return x, np.full(len(x), x.shape[1], dtype=np.int64)
    offsets = np.array(case.array("offsets"))
    lengths = np.diff(offsets)
    dense = np.full((len(lengths), int(lengths.max())), case.padding_id, dtype=np.int32)
    dense[np.arange(dense.shape[1]) < lengths[:, None]] = case.array("ids")
    return dense, lengths
