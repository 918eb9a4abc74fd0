"""A local folder as a store."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

from shardmill.atomic import make_folder, new_file, replace_file
from shardmill.errors import ChangedObjectError, MissingObjectError, OutputError, StorageAnswerError
from shardmill.format.artifact_lock import LOCK_NAME
from shardmill.store.store import Content, ObjectFacts

_BLOCK = 2**20
_FIX = "check the folder and its permissions"


class LocalStore:
    """The files of a folder; see `Store` for the verbs.

    The etag of a file is made of its number, its size and its time, which differ between a file and
    another that was renamed to its place.

    Args:
        folder: The folder. It is made when the first object is put.
    """

    def __init__(self, folder: Path) -> None:
        self.url: str = str(folder)
        self._folder = folder

    def get(self, key: str) -> Content:
        """Return a whole object.

        Raises:
            MissingObjectError: There is no such file.
            StorageAnswerError: The file cannot be read.
        """
        path = self._folder / key
        try:
            with path.open("rb") as file:
                return Content(file.read(), _etag(os.fstat(file.fileno())))
        except OSError as error:
            raise self._refusal(path, error) from None

    def get_range(
        self, key: str, start: int = 0, *, stop: int | None = None, etag: str | None = None
    ) -> Iterator[bytes]:
        """Yield bytes [start, stop) of an object, block after block.

        Raises:
            MissingObjectError: There is no such file.
            ChangedObjectError: The file has another etag.
            StorageAnswerError: The file cannot be read.
        """
        path = self._folder / key
        try:
            with path.open("rb") as file:
                if etag is not None and _etag(os.fstat(file.fileno())) != etag:
                    raise self._changed(path, etag)
                file.seek(start)
                end = math.inf if stop is None else stop
                while start < end and (block := file.read(int(min(end - start, _BLOCK)))):
                    yield block
                    start += len(block)
        except OSError as error:
            raise self._refusal(path, error) from None

    def put(self, key: str, content: bytes | Path) -> None:
        """Write an object, in place of one that is there.

        Raises:
            OutputError: The file cannot be written.
        """
        path = self._folder / key
        try:
            make_folder(path.parent)
            if isinstance(content, bytes):
                replace_file(path, content)
                return
            with content.open("rb") as source, new_file(path) as file:
                while block := source.read(_BLOCK):
                    file.write(block)
        except OSError as error:
            raise OutputError.unwritable(path, error, fix=_FIX) from None

    def put_if(self, key: str, content: bytes, *, etag: str | None) -> None:
        """Write an object only if nobody else did meanwhile.

        A build of the artifact that is under way is waited for.

        Raises:
            ChangedObjectError: There is a file, or one with another etag.
            OutputError: The file cannot be written.
        """
        from filelock import FileLock

        path = self._folder / key
        try:
            make_folder(path.parent)
            with FileLock(path.parent / LOCK_NAME):
                found = _etag(path.stat()) if path.exists() else None
                if found != etag:
                    raise self._changed(path, etag)
                replace_file(path, content)
        except OSError as error:
            raise OutputError.unwritable(path, error, fix=_FIX) from None

    def delete(self, key: str) -> None:
        """Remove a file. If there is none, nothing is done.

        Raises:
            OutputError: The file cannot be removed.
        """
        path = self._folder / key
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError.unwritable(path, error, fix=_FIX) from None

    def list(self, prefix: str = "") -> Iterator[ObjectFacts]:
        """Yield the files below a folder."""
        for path in (self._folder / prefix).rglob("*"):
            if path.is_file() and path.name != LOCK_NAME:
                yield self.head(path.relative_to(self._folder).as_posix())

    def head(self, key: str) -> ObjectFacts:
        """Return what is known of an object.

        Raises:
            MissingObjectError: There is no such file.
            StorageAnswerError: The file cannot be looked at.
        """
        path = self._folder / key
        try:
            facts = path.stat()
        except OSError as error:
            raise self._refusal(path, error) from None
        return ObjectFacts(key, facts.st_size, _etag(facts))

    def _refusal(self, path: Path, error: OSError) -> MissingObjectError | StorageAnswerError:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return MissingObjectError(path, expected="a file", found="none", fix="check the path")
        found = str(error.strerror)
        return StorageAnswerError(path, expected="a readable file", found=found, fix=_FIX)

    def _changed(self, path: Path, etag: str | None) -> ChangedObjectError:
        expected = "no file" if etag is None else "the file that was there before"
        found = "one" if etag is None else "another one"
        return ChangedObjectError(path, expected=expected, found=found, fix="begin again")


def _etag(facts: os.stat_result) -> str:
    return f"{facts.st_ino:x}-{facts.st_size:x}-{facts.st_mtime_ns:x}"
