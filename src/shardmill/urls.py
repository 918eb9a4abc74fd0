"""Tells URLs from paths."""

import os
import re
from pathlib import Path

# A URL stays a text, since `Path` makes one slash of two.
PathOrUrl = Path | str

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# Schemes have two letters at least, as a letter alone may be a drive.
_LOST_SLASH = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/(?!/)(.+)")


def is_url(where: str | os.PathLike[str]) -> bool:
    """Say whether something is a URL rather than a path.

    Example:
        >>> is_url("s3://bucket/mnist"), is_url("artifacts/mnist")
        (True, False)
    """
    return isinstance(where, str) and _URL.match(where) is not None


def path_or_url(where: str) -> PathOrUrl:
    """Return a URL as it is, and anything else as a path.

    Example:
        >>> path_or_url("s3://bucket/mnist"), path_or_url("artifacts/mnist")
        ('s3://bucket/mnist', PosixPath('artifacts/mnist'))
    """
    return where if is_url(where) else Path(where)


def url_meant(where: str | os.PathLike[str]) -> str | None:
    """Return the URL that a path looks like which has one slash where a URL has two, or None.

    People mistype it, and `pathlib.Path` makes it of a URL.

    Example:
        >>> url_meant("s3:/bucket/mnist"), url_meant("artifacts/mnist")
        ('s3://bucket/mnist', None)
    """
    found = _LOST_SLASH.fullmatch(os.fspath(where))
    if found is None:
        return None
    scheme, rest = found.groups()
    return f"{scheme}:///{rest}" if scheme.lower() == "file" else f"{scheme}://{rest}"


def join_url(where: PathOrUrl, *names: str) -> PathOrUrl:
    """Return the path or the URL of something below another one.

    Example:
        >>> join_url("s3://bucket/runs/", "iris", "model")
        's3://bucket/runs/iris/model'
    """
    if is_url(where):
        return "/".join([str(where).rstrip("/"), *names])
    return Path(where, *names)
