"""Sees to it that tasks run with the versions of what decides on the bytes of an artifact."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from platform import node
from typing import Any, TypeVar

from shardmill.errors import WorkerError
from shardmill.version import __version__

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of what decides on bytes.

    Attributes:
        shardmill: That of shardmill.
        arrow: That of pyarrow, which writes Parquet.
        unicode: That of the tables of Unicode in this Python.
    """

    shardmill: str
    arrow: str
    unicode: str

    @classmethod
    @cache
    def here(cls) -> "Versions":
        """Return the versions in this process."""
        return cls(__version__, version("pyarrow"), unicodedata.unidata_version)

    def __str__(self) -> str:
        return f"shardmill {self.shardmill}, pyarrow {self.arrow}, Unicode {self.unicode}"


def call_with(
    versions: Versions, function: Callable[..., Result], arguments: tuple[Any, ...]
) -> Result:
    """Return `function(*arguments)`, if this process has the versions of the one that asks for it.

    Raises:
        WorkerError: It has others.
    """
    here = Versions.here()
    if here != versions:
        raise WorkerError(
            f"a worker on {node()}",
            expected=str(versions),
            found=str(here),
            fix="install the same versions on all nodes",
        )
    return function(*arguments)
