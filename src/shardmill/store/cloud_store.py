"""Object storage by the library obstore: S3, Google Cloud Storage, Azure, and HTTP servers.

obstore tries a request again if the server is busy, says that it failed, or does not answer. It
does not go on with an answer whose connection is cut in the middle, so this is done here.
"""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from shardmill.errors import ChangedObjectError, ForkedError, MissingObjectError, StorageError
from shardmill.optional_library import optional_library
from shardmill.store.cloud_errors import PANIC, cloud_error
from shardmill.store.store import Content, ObjectFacts

_BLOCK = 2**18  # what has come is kept if the connection is cut, in whole blocks
# Eight tries take up to 15 seconds. A server that is away for longer is away.
_RETRIES = 8
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_LONGEST_RETRY_S = 120


class CloudStore:
    """The objects below a URL; see `Store` for the verbs.

    Credentials, endpoints and proxies come from the environment, as obstore takes them:
    https://developmentseed.org/obstore/latest/authentication/.

    Args:
        url: A URL of a scheme that obstore knows.

    Raises:
        MissingLibraryError: The library obstore is not installed.
        ForkedError: This process was forked from one that has used obstore.
        StorageError: The URL is none of this kind.
    """

    def __init__(self, url: str) -> None:
        self.url: str = url.rstrip("/")
        self._obstore = _library(self.url)
        self._check_process()
        pauses = {
            "init_backoff": timedelta(seconds=_FIRST_PAUSE_S),
            "max_backoff": timedelta(seconds=_LONGEST_PAUSE_S),
            "base": 2,
        }
        retry = {
            "max_retries": _RETRIES,
            "backoff": pauses,
            "retry_timeout": timedelta(seconds=_LONGEST_RETRY_S),
        }
        # Where options are given, obstore does not take those of the environment.
        options = {"client_options": {"allow_http": True}} if url.startswith("http://") else {}
        with self._told(""):
            from_url = self._obstore.store.from_url
            self._store = from_url(self.url, retry_config=retry, **options)

    def get(self, key: str) -> Content:
        """Return a whole object.

        Raises:
            MissingObjectError: There is no such object.
        """
        etags: list[str | None] = []
        blocks = list(self._blocks(key, 0, None, etags))
        return Content(b"".join(blocks), etags[0])

    def get_range(
        self, key: str, start: int = 0, *, stop: int | None = None, etag: str | None = None
    ) -> Iterator[bytes]:
        """Yield bytes [start, stop) of an object, block after block; see `Store`.

        Raises:
            MissingObjectError: There is no such object.
            ChangedObjectError: The object has another etag, or got another one meanwhile.
        """
        yield from self._blocks(key, start, stop, [] if etag is None else [etag])

    def _blocks(
        self, key: str, start: int, stop: int | None, etags: list[str | None]
    ) -> Iterator[bytes]:
        # Puts the etag that all blocks have into `etags`, if there is none in it.
        self._check_process()
        tries = 0
        while stop is None or start < stop:
            answer = self._ask(key, start, stop, etags)
            failure: Exception = EOFError("the answer ends before the object does")
            try:
                for block in answer.stream(min_chunk_size=_BLOCK):
                    yield bytes(block)
                    start += len(block)
                    tries = 0
            except (self._obstore.exceptions.BaseError, OSError) as error:
                failure = error
            if start >= answer.range[1]:
                return
            if tries == _RETRIES:
                raise cloud_error(f"{self.url}/{key}", failure)
            _pause(tries)
            tries += 1

    def _ask(self, key: str, start: int, stop: int | None, etags: list[str | None]) -> Any:
        options: dict[str, Any] = {}
        etag = etags[0] if etags else None
        # Servers compare no weak etags, which begin with W/.
        if etag is not None and not etag.startswith("W/"):
            options["if_match"] = etag
        if start or stop is not None:
            options["range"] = {"offset": start} if stop is None else (start, stop)
        with self._told(key):
            answer = self._obstore.get(self._store, key, options=options)
        found = answer.meta.get("e_tag")
        if not etags:
            etags.append(found)
        elif found != etag:
            where, expected = f"{self.url}/{key}", "the object that was there before"
            raise ChangedObjectError(where, expected=expected, found="another", fix="begin again")
        return answer

    def put(self, key: str, content: bytes | Path) -> None:
        """Write an object, in place of one that is there. Large ones are sent in parts."""
        self._check_process()
        with self._told(key):
            self._obstore.put(self._store, key, content)

    def put_if(self, key: str, content: bytes, *, etag: str | None) -> None:
        """Write an object only if nobody else did meanwhile; see `Store`."""
        self._check_process()
        mode = "create" if etag is None else {"e_tag": etag}
        with self._told(key):
            self._obstore.put(self._store, key, content, mode=mode)

    def delete(self, key: str) -> None:
        """Remove an object. If there is none, nothing is done."""
        self._check_process()
        with suppress(MissingObjectError), self._told(key):
            self._obstore.delete(self._store, key)

    def list(self, prefix: str = "") -> Iterator[ObjectFacts]:
        """Yield the objects below a folder."""
        self._check_process()
        with self._told(prefix):
            for some in self._obstore.list(self._store, prefix or None):
                yield from map(_facts, some)

    def head(self, key: str) -> ObjectFacts:
        """Return what is known of an object.

        Raises:
            MissingObjectError: There is no such object.
        """
        self._check_process()
        with self._told(key):
            return _facts(self._obstore.head(self._store, key))

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        try:
            yield
        except StorageError:
            raise
        except (self._obstore.exceptions.BaseError, OSError, NotImplementedError) as error:
            raise cloud_error(f"{self.url}/{key}".rstrip("/"), error) from None
        except BaseException as error:
            if type(error).__name__ != PANIC:
                raise
            raise cloud_error(f"{self.url}/{key}".rstrip("/"), error) from None

    def _check_process(self) -> None:
        # The threads of obstore are not there in a forked process, which would wait for ever.
        if _first_process() != os.getpid():
            raise ForkedError(
                self.url,
                expected="a process that was not forked from one which has used object storage",
                found=f"process {os.getpid()}, forked from {_first_process()}",
                fix='start workers with multiprocessing_context="forkserver" or "spawn"',
            )


@cache
def _first_process() -> int:
    """Return the process that used obstore first: this one, or one that it was forked from."""
    return os.getpid()


def _library(url: str) -> Any:
    optional_library("obstore.store", where=url, extra="cloud", name="obstore")
    return optional_library("obstore", where=url, extra="cloud")


def _facts(meta: Any) -> ObjectFacts:
    return ObjectFacts(meta["path"], meta["size"], meta.get("e_tag"))


def _pause(tries: int) -> None:
    """Wait for longer after each try, and never as long as everybody else."""
    longest = min(_FIRST_PAUSE_S * 2**tries, _LONGEST_PAUSE_S)
    time.sleep(random.uniform(longest / 2, longest))  # noqa: S311  no secret
