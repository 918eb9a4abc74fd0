"""What a process that builds is told, and the processes' common way to say what they built."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEXT_FILE = "ag_news/train.csv"  # below the raw folder
SPECIALS = ("<unk>", "<pad>")

Counts = dict[str, int | str]


@dataclass(frozen=True, slots=True)
class Job:
    """One build.

    Attributes:
        raw: the folder of the raw files.
        out: an empty folder for the result.
        scratch: an empty folder for whatever else the contender writes.
        workers: processes that compute, where the contender can have several.
    """

    raw: Path
    out: Path
    scratch: Path
    workers: int

    @property
    def text(self) -> Path:
        """The CSV file of texts."""
        return self.raw / TEXT_FILE


def count_text(parts: Iterable[Any], *, rows: int, vocabulary: int) -> Counts:
    """Return what builds of texts must agree in: rows, tokens, vocabulary and all ids.

    Args:
        parts: the ids of all rows, in order, cut anywhere: integer arrays [n].
        rows: how many.
        vocabulary: numbered tokens, specials included.
    """
    digest = hashlib.blake2b(digest_size=8)
    tokens = 0
    for ids in parts:
        digest.update(ids.astype("<i4").tobytes())
        tokens += len(ids)
    return {"rows": rows, "tokens": tokens, "vocabulary": vocabulary, "ids": digest.hexdigest()}


def count_images(x: Any, y: Any) -> Counts:
    """Return what builds of images must agree in, whatever their order.

    Args:
        x: pixels, an array [n, ...] of uint8.
        y: labels, an integer array [n].
    """
    return {"rows": len(x), "pixels": int(x.sum(dtype="i8")), "labels": int(y.sum(dtype="i8"))}
