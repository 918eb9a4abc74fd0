"""Imports libraries that are not always installed."""

from importlib import import_module
from typing import Any

from shardmill.errors import MissingLibraryError


def optional_library(module: str, *, where: object, extra: str, name: str = "") -> Any:
    """Return a module of an optional library.

    Args:
        module: The import name of the module.
        where: What needs the library, for the error.
        extra: The extra of shardmill that installs it.
        name: The name of the library, if it is another one than that of the module.

    Raises:
        MissingLibraryError: The library is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        raise MissingLibraryError(
            where,
            expected=f"the library {name or module}",
            found="none",
            fix=f"pip install 'shardmill[{extra}]'",
        ) from None
