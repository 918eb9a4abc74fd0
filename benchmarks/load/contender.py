"""What a contender is, and one pass over its rows."""

from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from load.case import Case

MAIN = "main"
MOSAICML = "mosaicml"
EVERY_CASE = ("images", "text", "tabular")


@dataclass(frozen=True, slots=True)
class Pass:
    """One epoch: in which order, by how many workers, shuffled by which seed."""

    shuffle: bool
    workers: int
    seed: int

    @property
    def name(self) -> str:
        """The pass in words, without the seed."""
        return f"{'shuffled' if self.shuffle else 'sequential'}, {self.workers} workers"


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to get batches.

    Attributes:
        name: in tables.
        package: the distribution whose version is recorded.
        imports: modules that are loaded before anything is measured.
        place: the file or folder that it reads.
        open: a dataset from that place.
        load: what a training loop iterates over: an ordinary epoch of batches.
        labels: the labels of a batch, which count its rows.
        write: writes the place, where it is the contender's own format.
        environment: `main`, or `mosaicml`, which pins another numpy than the others need.
        cases: names of the data sets that it can read.
    """

    name: str
    package: str
    imports: tuple[str, ...]
    place: Callable[[Case], Path]
    open: Callable[[Case, Path], Any]
    load: Callable[[Any, Case, Pass], Iterable[Any]]
    labels: Callable[[Any], Sized] = itemgetter(1)
    write: Callable[[Case, Path], None] | None = None
    environment: str = MAIN
    cases: tuple[str, ...] = EVERY_CASE


def peer_place(name: str) -> Callable[[Case], Path]:
    """Return the place of a format among those that peers write."""
    return lambda case: Path(case.peers) / name


def tensor_place(case: Case) -> Path:
    """Return the folder of the plain tensors."""
    return Path(case.tensors)
