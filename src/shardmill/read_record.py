"""Reads a JSON record that is a file of its own: preprocessor.json, model.json."""

import json
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from shardmill.errors import FormatVersionError, ManifestError, MissingArtifactError
from shardmill.manifest import Record, to_json

AnyRecord = TypeVar("AnyRecord", bound=Record)


def read_record(path: Path, record: type[AnyRecord], *, version: int, fix: str) -> AnyRecord:
    """Return the record in a file that `to_json` has written.

    Args:
        path: of the file.
        record: its class; it has a `format` and a `version`.
        version: the newest that this reader knows.
        fix: what to do about a file that is damaged.

    Raises:
        MissingArtifactError: there is no such file.
        FormatVersionError: it is of a newer version.
        ManifestError: it is damaged, or something else.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise MissingArtifactError(
            path.parent,
            expected=f"a folder with a {path.name}",
            found="none",
            fix="correct the path",
        ) from None
    except OSError as error:
        raise ManifestError(
            path, expected="a readable file", found=str(error.strerror), fix="check its permissions"
        ) from None
    _check_version(path, content, version)
    try:
        read = record.model_validate_json(content)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or path.name}: {fault['msg']}"
            for fault in error.errors()[:5]
        )
        expected = f"a {path.name} of version {version}"
        raise ManifestError(path, expected=expected, found=faults, fix=fix) from None
    if to_json(read) != content:
        expected = f"a {path.name} as shardmill writes it"
        found = "one that was changed since"
        raise ManifestError(path, expected=expected, found=found, fix=fix)
    return read


def _check_version(path: Path, content: bytes, version: int) -> None:
    # Looked for by itself: a newer version may differ in everything else.
    try:
        found = json.loads(content)["version"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return
    if isinstance(found, int) and found > version:
        raise FormatVersionError(
            path,
            expected=f"version {version} or older",
            found=f"version {found}",
            fix="read it with a newer shardmill: pip install --upgrade shardmill",
        )
