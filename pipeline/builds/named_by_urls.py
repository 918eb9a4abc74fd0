"""Lets errors and notes name a URL in place of the folder that holds its files on this machine."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from shardmill.errors import ShardmillError


@contextmanager
def named_by_urls(urls: Mapping[Path, str]) -> Iterator[None]:
    """Reword the errors of a block.

    Args:
        urls: The URL of each folder.
    """
    try:
        yield
    except ShardmillError as error:
        error.reword(lambda text: with_urls(text, urls))
        raise


def with_urls(text: str, urls: Mapping[Path, str]) -> str:
    """Return a text in which folders are called by their URLs.

    Example:
        >>> with_urls("/tmp/raw-1/toy.csv, line 3", {Path("/tmp/raw-1"): "s3://bucket/raw/"})
        's3://bucket/raw/toy.csv, line 3'
    """
    for folder, url in urls.items():
        text = text.replace(str(folder), url.rstrip("/"))
    return text
