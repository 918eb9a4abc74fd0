"""Reads one raw file: takes its hashes, and copies it if necessary, at once or as several tasks."""

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from shardmill.pipeline.builds.attempts import attempt_at
from shardmill.pipeline.builds.engine import Engine
from shardmill.raw.content_digest import BLOCK_BYTES, hash_blocks, hash_whole, joined_digest
from shardmill.raw.decompress import check_text, file_stat
from shardmill.raw.image_folder import hash_some, joined_hash, list_images
from shardmill.raw.plain_file import is_plain, plain_copy
from shardmill.raw.raw_files import FoundFile, RawContent, read_folder
from shardmill.recipe.splits import ImageFolder, RawFile
from shardmill.store.mounts import here, sent

_START_BYTES = 2**20  # of a file, which say whether it is text


@dataclass(frozen=True, slots=True)
class ReadJob:
    """A raw file that must be read.

    Attributes:
        found: The file.
        file: Its entry in the recipe.
        encoding: Its encoding if it is text, or None.
        copies: The folder for plain copies of compressed files; None to take hashes alone.
    """

    found: FoundFile
    file: RawFile
    encoding: str | None
    copies: Path | None

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of images."""
        return isinstance(self.file, ImageFolder)

    def read(self, on_read: Callable[[int], None] | None = None) -> RawContent:
        """Read the file from its start to its end; see `plain_copy` for errors and `on_read`."""
        path = self.found.path
        if self.is_folder:
            return read_folder(path)
        promised = None
        if self.encoding is None:
            # It is an IDX file, or a tokenizer.json, which does not begin like one. Imported here,
            # since a check that a build is up to date needs no numpy.
            from shardmill.raw.read_idx import promised_bytes

            promised = promised_bytes
        copy = None if self.copies is None else copy_in(self.copies, path)
        # Another try at the same task may be writing the copy, too.
        target = None if copy is None else attempt_at(copy)
        plain = plain_copy(
            path,
            target,
            encoding=self.encoding,
            algorithm=self.file.algorithm,
            promised=promised,
            on_read=on_read,
        )
        # On another machine, the system says other facts of the same file.
        content = replace(RawContent.of(path, plain), stat=self.found.stat)
        if copy is None or content.readable != target:
            return content
        content.readable.replace(copy)
        sent(copy)
        return replace(content, readable=copy)

    def is_cut(self, range_bytes: int) -> bool:
        """Say whether several tasks read it: it is larger than a range, and a folder or plain."""
        is_large = self.found.bytes > range_bytes
        return is_large and (self.is_folder or is_plain(self.found.path, self.encoding))


def read_in_tasks(
    jobs: Iterable[ReadJob],
    engine: Engine,
    *,
    range_bytes: int,
    on_read: Callable[[int], None],
) -> Generator[RawContent, None, None]:
    """Yield the content of raw files, in order. Several processes read large plain ones together.

    Args:
        jobs: The files.
        engine: Where the tasks run.
        range_bytes: How much of a file a task hashes, to within a block of the digest.
        on_read: What to call after each task with about the bytes that were read so far.

    Raises:
        InputError: A raw file cannot be read, or has changed meanwhile.
    """
    pieces = [_Pieces.of(job, range_bytes) for job in jobs]
    tasks = [(task,) for each in pieces for task in each.tasks]
    size, done = sum(each.job.found.bytes for each in pieces), 0

    def on_done() -> None:
        nonlocal done
        done += 1
        on_read(size * done // len(tasks))

    with closing(_results(engine, tasks, on_done)) as results:
        for each in pieces:
            yield each.joined(islice(results, len(each.tasks)))


def _results(
    engine: Engine, tasks: Iterable[tuple[Any, ...]], on_done: Callable[[], None]
) -> Generator[Any, None, None]:
    yield from engine.run(_call, tasks, on_done)


@dataclass(frozen=True, slots=True)
class _Pieces:
    """The tasks that read a file, and what the system says about it before they run."""

    job: ReadJob
    tasks: Sequence[Callable[[], Any]]
    stat: tuple[int, ...] | None = None

    @classmethod
    def of(cls, job: ReadJob, range_bytes: int) -> "_Pieces":
        path, algorithm = job.found.path, job.file.algorithm
        if job.is_folder:
            listed = list_images(path)
            hashes = [partial(hash_some, path, some) for some in listed.batches()]
            return cls(job, hashes, listed.stat)
        stat = file_stat(path)
        size = stat[0]
        if size == 0 or not job.is_cut(range_bytes):
            return cls(job, [job.read])
        with here(path).open("rb") as file:
            check_text(path, file.read(_START_BYTES), job.encoding)
        step = -(-range_bytes // BLOCK_BYTES) * BLOCK_BYTES
        tasks: list[Callable[[], Any]] = [
            partial(hash_blocks, path, start, min(start + step, size))
            for start in range(0, size, step)
        ]
        if algorithm is not None:
            # It is the longest task by far, so it comes first.
            tasks.insert(0, partial(hash_whole, path, size, algorithm))
        return cls(job, tasks, stat)

    def joined(self, results: Iterator[Any]) -> RawContent:
        """Return the content of the file, from the results of its tasks."""
        if self.stat is None:
            content: RawContent = next(results)
            return content
        path, checksum = self.job.found.path, None
        if self.job.is_folder:
            return RawContent(path, self.stat[0], joined_hash(results), None, self.stat, path)
        if self.job.file.algorithm is not None:
            checksum = next(results)
        return RawContent(path, self.stat[0], joined_digest(results), checksum, self.stat, path)


def _call(task: Callable[[], Any]) -> Any:
    return task()


def copy_in(folder: Path, path: Path) -> Path:
    """Return where in a folder the plain copy of a raw file is."""
    return folder / hashlib.sha256(str(path).encode()).hexdigest()
