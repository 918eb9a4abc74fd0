"""An epoch that another process reads from object storage."""

import multiprocessing
import os
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import shardmill
from shardmill.store import cloud_store

# Its processes have imported torch before they begin, which takes a second or two.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["torch", "shardmill.datasets.loader"])


@dataclass(frozen=True)
class Epoch:
    """What to read.

    Attributes:
        url: The URL of an artifact of images.
        cache: The folder of the cache.
        cache_bytes: How much it may hold; 0 for any number.
        shuffle: The order; empty for that of the files.
    """

    url: str
    cache: Path
    cache_bytes: int
    shuffle: str


@dataclass(frozen=True)
class Reading:
    """A process that reads an epoch, and the file into which it writes a line for each row."""

    process: BaseProcess
    lines: Path

    def wait(self) -> list[str]:
        """Return the lines, when the process has ended well."""
        self.process.join()
        assert self.process.exitcode == 0
        return self.lines.read_text().splitlines()


def lines_of(epoch: Epoch, path: str | Path, **options: object) -> list[str]:
    """Return a line for each row of an epoch of the artifact at a path."""
    ds = shardmill.open(path, **options)  # type: ignore[call-overload]
    return [
        f"{int(label)} {bytes(row.numpy()).hex()}"
        for x, y in ds.loader(2_000, shuffle=epoch.shuffle or False, seed=1)
        for row, label in zip(x, y, strict=True)
    ]


def start_reading(epoch: Epoch, environment: Mapping[str, str], lines: Path) -> Reading:
    """Start a process that reads an epoch."""
    process = PROCESSES.Process(target=_read, args=(epoch, dict(environment), lines))
    process.start()
    return Reading(process, lines)


def take_environment(environment: Mapping[str, str], worker: int) -> None:
    """Let a worker have an environment: it begins with that of the first test with processes."""
    os.environ.update(environment)


def _read(epoch: Epoch, environment: Mapping[str, str], lines: Path) -> None:
    os.environ.update(environment)
    cloud_store._BLOCK = 2048
    cloud_store._FIRST_PAUSE_S = 0.001
    options = {"cache": epoch.cache, "cache_bytes": epoch.cache_bytes or None}
    lines.write_text("\n".join(lines_of(epoch, epoch.url, **options)))
