"""shardmill alone, on more and more rows: time of a row, memory, and where the time goes."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from preprocess.contender import IMAGES, TEXT, Contender
from preprocess.image_rows import ROW_BYTES
from preprocess.job import TEXT_FILE
from preprocess.recipes import Source, idx_source, text_source
from preprocess.rounds import Plan, Result, run_rounds
from preprocess.text_rows import rows_in

TEXT_ROWS = 120_000  # as many as the published file has
IMAGE_ROWS = 60_000

MakeSource = Callable[[Path], Source]


@dataclass(frozen=True, slots=True)
class Step:
    """One size of the raw files, and the builds of each number of workers."""

    kind: str
    rows: int
    raw_bytes: int
    results: Sequence[Result]


def grow(sources: Sequence[MakeSource], folder: Path, plan: Plan) -> Iterator[Step]:
    """Yield a step for each size, in order.

    Args:
        sources: each writes raw files into a folder, which is removed after its step.
        folder: where they do so, one after the other.
        plan: how to measure; what is built is not counted, which would need it in memory.
    """
    for make in sources:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            plan.log("growth: raw files")
            source = make(folder)
            results = run_rounds(_builders(source.kind), source, plan, count=False)
            yield Step(source.kind, source.rows, source.raw_bytes, results)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def text_sizes(real: Path, rows: Sequence[int]) -> list[MakeSource]:
    """Return sources of texts, one for each number of rows."""
    return [partial(text_source, real, rows=n) for n in rows]


def large_sizes(real: Path, size: int) -> list[MakeSource]:
    """Return sources of the usual size and of `size` bytes, of texts and of images.

    Images are not compressed here, neither the many nor the few.
    """
    texts = [TEXT_ROWS, rows_in(real / TEXT_FILE, size)]
    images = [IMAGE_ROWS, size // ROW_BYTES]
    return [*text_sizes(real, texts), *(partial(idx_source, real, rows=n) for n in images)]


def _builders(kind: str) -> list[Contender]:
    every = TEXT if kind == "text" else IMAGES
    return [c for c in every if c.package == "shardmill" and not c.again]
