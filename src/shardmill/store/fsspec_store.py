"""Other URLs by the library fsspec, to read alone."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shardmill.errors import (
    MissingLibraryError,
    MissingObjectError,
    StorageAnswerError,
    UnsupportedStorageError,
)
from shardmill.store.cloud_errors import unsupported
from shardmill.store.store import Content, ObjectFacts

_BLOCK = 2**20


class FsspecStore:
    """The files below a URL, to read; see `Store` for the verbs.

    Args:
        url: A URL of a scheme that fsspec knows.

    Raises:
        MissingLibraryError: The library fsspec is not installed, or what it needs here.
        UnsupportedStorageError: There is no such scheme.
    """

    def __init__(self, url: str) -> None:
        self.url: str = url.rstrip("/")
        try:
            from fsspec.core import url_to_fs

            self._files, self._root = url_to_fs(self.url)
        except ImportError as error:
            scheme = url.partition("://")[0]
            expected = f"the library fsspec, with what it needs for {scheme}://"
            fix = "pip install fsspec, and the package that the message names"
            raise MissingLibraryError(url, expected=expected, found=str(error), fix=fix) from None
        except ValueError as error:
            fix = "use s3://, gs://, az://, https://, or a scheme of fsspec"
            expected = "the URL of a store"
            raise UnsupportedStorageError(
                url, expected=expected, found=str(error), fix=fix
            ) from None

    def get(self, key: str) -> Content:
        """Return a whole object. It has no etag, since most of these stores have none."""
        return Content(b"".join(self.get_range(key)), None)

    def get_range(
        self, key: str, start: int = 0, *, stop: int | None = None, etag: str | None = None
    ) -> Iterator[bytes]:
        """Yield bytes [start, stop) of an object, block after block."""
        del etag
        with self._told(key), self._files.open(f"{self._root}/{key}", "rb") as file:
            file.seek(start)
            end = math.inf if stop is None else stop
            while start < end and (block := file.read(int(min(end - start, _BLOCK)))):
                yield block
                start += len(block)

    def put(self, key: str, content: bytes | Path) -> None:
        """Refuse.

        Raises:
            UnsupportedStorageError: These stores are to read alone.
        """
        del content
        raise unsupported(f"{self.url}/{key}", "a store of fsspec, which is read alone")

    def put_if(self, key: str, content: bytes, *, etag: str | None) -> None:
        """Refuse.

        Raises:
            UnsupportedStorageError: These stores are to read alone.
        """
        del etag
        self.put(key, content)

    def delete(self, key: str) -> None:
        """Refuse.

        Raises:
            UnsupportedStorageError: These stores are to read alone.
        """
        self.put(key, b"")

    def list(self, prefix: str = "") -> Iterator[ObjectFacts]:
        """Yield the files below a folder."""
        with self._told(prefix):
            found = self._files.find(f"{self._root}/{prefix}", detail=True)
            for path, facts in found.items():
                yield ObjectFacts(path.removeprefix(f"{self._root}/"), facts["size"], None)

    def head(self, key: str) -> ObjectFacts:
        """Return what is known of an object."""
        with self._told(key):
            return ObjectFacts(key, self._files.info(f"{self._root}/{key}")["size"], None)

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        where: Any = f"{self.url}/{key}"
        try:
            yield
        except FileNotFoundError:
            fix = "correct the URL"
            raise MissingObjectError(where, expected="a file", found="none", fix=fix) from None
        except OSError as error:
            raise StorageAnswerError(
                where, expected="a readable file", found=str(error), fix="try again later"
            ) from None
