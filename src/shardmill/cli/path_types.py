"""Types of options and arguments: paths that may be URLs, and paths that may not."""

import os
from pathlib import Path
from typing import Any

import click

from shardmill.urls import PathOrUrl, is_url, url_meant


class Anywhere(click.Path):
    """A path, or a URL, which stays a text."""

    def __init__(self, **settings: Any) -> None:
        """Make a type.

        Args:
            **settings: Those of `click.Path`, except for `path_type`.
        """
        super().__init__(path_type=Path, **settings)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """Return a URL as it is, and anything else as a `Path`."""
        if is_url(value):
            return value
        meant = url_meant(value)
        if meant is not None and not os.path.exists(value):  # noqa: PTH110  False for any text
            self.fail(f"{os.fspath(value)!r} lacks a slash of a URL. Write {meant}.", param, ctx)
        return super().convert(value, param, ctx)


class Here(click.Path):
    """A path on this machine. A URL is refused, of which `Path` would make a folder here."""

    def __init__(self, fix: str, **settings: Any) -> None:
        """Make a type.

        Args:
            fix: What to do in place of giving a URL.
            **settings: Those of `click.Path`, except for `path_type`.
        """
        super().__init__(path_type=Path, **settings)
        self._fix = fix

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """Return a `Path`, unless it is a URL."""
        if is_url(value) or url_meant(value) is not None:
            self.fail(f"{os.fspath(value)!r} is a URL, and this is a path. {self._fix}", param, ctx)
        return super().convert(value, param, ctx)


def cache_for(where: PathOrUrl, cache: Path | None) -> Path | None:
    """Return the folder of the cache for what is at a URL; None for a path, which needs none."""
    return cache if is_url(where) else None
