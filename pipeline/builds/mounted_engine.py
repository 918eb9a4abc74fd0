"""Runs the tasks of a build on machines that share no disk: what they write goes through a URL."""

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from shardmill.pipeline.builds.engine import Engine, Result, nothing_done
from shardmill.raw.raw_files import RawFiles
from shardmill.store.mounts import Mount, mounted
from shardmill.store.open_store import check_writable, open_store

# The folders in that of an artifact of what only one build reads.
_DRAFTS = ("raw", "prepared")


class MountedEngine:
    """An engine whose tasks find and leave files by mounts; see `store.mounts`.

    Args:
        engine: The engine that runs the tasks.
        mounts: The mounts, which must hold in this process, too.
    """

    def __init__(self, engine: Engine, mounts: tuple[Mount, ...]) -> None:
        self._engine = engine
        self._mounts = mounts

    @property
    def processes(self) -> int:
        """How many tasks run at the same time."""
        return self._engine.processes

    def start(self) -> None:
        """Start the workers; see `Engine.start`."""
        self._engine.start()

    def run(
        self,
        function: Callable[..., Result],
        arguments: Iterable[tuple[Any, ...]],
        on_done: Callable[[], None] = nothing_done,
    ) -> Iterator[Result]:
        """Yield the results of tasks in order, as they come; see `Engine.run`.

        Raises:
            WorkerError: Something other than a task has ended a worker.
        """
        tasks = ((self._mounts, function, argument) for argument in arguments)
        return self._engine.run(run_mounted, tasks, on_done)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the engine to whoever has started it."""


def run_mounted(
    mounts: tuple[Mount, ...], function: Callable[..., Result], argument: tuple[Any, ...]
) -> Result:
    """Return `function(*argument)`, while mounts hold."""
    with mounted(mounts):
        return function(*argument)


@contextmanager
def mounted_engine(
    engine: Engine, scratch: str, artifact: Path, *, out: str, raw: RawFiles
) -> Iterator[MountedEngine]:
    """Let a build run on machines that share no disk, in a block.

    What tasks write for other tasks has a folder of its own at `scratch`, which is removed when the
    block ends.

    Args:
        engine: What runs the tasks.
        scratch: A URL that can be written to.
        artifact: The folder of the artifact here.
        out: The URL of the artifact; empty if it is to be in its folder.
        raw: The raw files. If they are at a URL, each machine brings those that it reads.

    Raises:
        UnsupportedStorageError: The URL cannot be written to.
        StorageError: The store refused or failed.
    """
    check_writable(scratch)
    own = f"{scratch.rstrip('/')}/build-{secrets.token_hex(8)}"
    mounts = [Mount(artifact / f".building-{name}", f"{own}/{name}") for name in _DRAFTS]
    mounts.append(Mount(artifact, out or f"{own}/artifact", collected=not out))
    if raw.url:
        mounts.append(Mount(raw.folder, raw.url, kept=True))
    try:
        with mounted(mounts):
            yield MountedEngine(engine, tuple(mounts))
    finally:
        store = open_store(own)
        for facts in list(store.list()):
            store.delete(facts.key)
