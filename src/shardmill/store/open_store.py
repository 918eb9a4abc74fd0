"""Opens the store that a URL or a path stands for."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from shardmill.errors import UnsupportedStorageError
from shardmill.store.store import Store
from shardmill.urls import is_url, url_meant

_CLOUD = frozenset({"s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl", "http", "https"})


def check_writable(url: str) -> None:
    """Check that artifacts can be put at a URL. Some storage is to read alone.

    Raises:
        UnsupportedStorageError: They cannot.
    """
    if url.partition("://")[0].lower() not in _CLOUD - {"http", "https"} | {"file"}:
        raise UnsupportedStorageError(
            url,
            expected="a URL of S3, Google Cloud Storage, Azure or a folder, to write to",
            found="one that is to read alone",
            fix="build into a folder, and send that by another program",
        )


def open_store(where: str | os.PathLike[str]) -> Store:
    """Return the store of all objects below a URL or a local folder.

    Nothing is asked of a server yet. The libraries of object storage are imported only for a URL
    that needs them.

    Raises:
        MissingLibraryError: The library for this kind of URL is not installed.
        UnsupportedStorageError: There is no such kind of URL, or a URL has lost a slash.
        ForkedError: This process was forked from one that has used object storage.
    """
    if not is_url(where):
        if (meant := url_meant(where)) is not None:
            raise UnsupportedStorageError(
                where,
                expected="a URL, which has two slashes, or a path",
                found="one slash after the colon",
                fix=f"write {meant}",
            )
        from shardmill.store.local_store import LocalStore

        return LocalStore(Path(where))
    url = str(where)
    scheme = url.partition("://")[0].lower()
    if scheme == "file":
        from shardmill.store.local_store import LocalStore

        return LocalStore(Path(unquote(urlsplit(url).path)))
    if scheme in _CLOUD:
        from shardmill.store.cloud_store import CloudStore

        return CloudStore(url)
    from shardmill.store.fsspec_store import FsspecStore

    return FsspecStore(url)
