"""Imports the library of a cluster, which few builds need."""

from importlib import import_module
from typing import Any

from shardmill.errors import MissingLibraryError


def cluster_library(name: str, kind: str) -> Any:
    """Return a library that `--engine` needs.

    Args:
        name: The name of the library.
        kind: The kind of engine, which is the name of the extra that installs the library.

    Raises:
        MissingLibraryError: The library is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        raise MissingLibraryError(
            f"--engine {kind}",
            expected=f"the library {name}",
            found="none",
            fix=f"install it with: pip install 'shardmill[{kind}]'",
        ) from None


def first_line(error: BaseException) -> str:
    """Return the first line of what a library says of an error. Others are often a traceback."""
    return str(error).strip().partition("\n")[0]
