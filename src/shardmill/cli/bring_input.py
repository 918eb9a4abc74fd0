"""Brings a raw file at a URL to this machine for as long as it is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from shardmill.errors import MissingObjectError, OutputError, ShardmillError, UnreadableFileError
from shardmill.urls import is_url, url_meant


@contextmanager
def input_here(given: str) -> Iterator[Path]:
    """Give the path of a raw file, which for one at a URL is that of a copy.

    Errors that are raised in the block name what was given.

    Args:
        given: A path or a URL.

    Raises:
        UnreadableFileError: There is no file at the URL.
        StorageError: The storage at the URL refused or failed.
        OutputError: There is no room for the copy.
    """
    if not is_url(given):
        _check_slashes(given)
        yield Path(given)
        return
    with TemporaryDirectory(prefix="shardmill-") as folder:
        copy = Path(folder, given.rpartition("/")[2] or "input")
        _bring(given, copy)
        try:
            yield copy
        except ShardmillError as error:
            error.reword(lambda text: text.replace(str(copy), given))
            raise


def _check_slashes(given: str) -> None:
    meant = url_meant(given)
    if meant is not None and not Path(given).exists():
        raise UnreadableFileError(
            given,
            expected="a path, or a URL with two slashes",
            found="no such file",
            fix=f"write {meant}",
        )


def _bring(url: str, copy: Path) -> None:
    from shardmill.store.mounts import download
    from shardmill.store.open_store import open_store

    folder, _, name = url.rpartition("/")
    try:
        download(open_store(folder), name, copy)
    except MissingObjectError as error:
        fix = "correct the URL; folders of images must be on this machine"
        raise UnreadableFileError(url, expected="a raw file", found=error.found, fix=fix) from None
    except OSError as error:
        fix = "set TMPDIR to a folder with more room"
        raise OutputError.unwritable(copy, error, fix=fix) from None
