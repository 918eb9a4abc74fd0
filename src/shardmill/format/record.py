"""Reads and writes records: JSON files, each of one model, read with clear errors."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from shardmill.errors import (
    DamagedFileError,
    FormatVersionError,
    ManifestError,
    MissingArtifactError,
)
from shardmill.strict import Strict, describe_faults

# A damaged record can have a fault in every line. The first few say what is wrong.
_MOST_FAULTS = 5

AnyRecord = TypeVar("AnyRecord", bound=Strict)


def to_json(record: Strict) -> bytes:
    """Return `record` as JSON with sorted keys, two spaces a level and a trailing newline."""
    content = record.model_dump(mode="json")
    return (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read_content(path: Path, *, fix: Callable[[Path], str]) -> bytes:
    """Return the content of the record that says what a folder is, such as a manifest.

    Args:
        path: The file of the record.
        fix: Returns what the user can do if the file is not in this folder.

    Raises:
        MissingArtifactError: There is no such file.
        ManifestError: The file cannot be read.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        folder = path.parent
        raise MissingArtifactError(
            folder, expected=f"a folder with a {path.name}", found="none", fix=fix(folder)
        ) from None
    except OSError as error:
        raise ManifestError(
            path,
            expected="a readable file",
            found=str(error.strerror),
            fix="check the path and its permissions",
        ) from None


def parse_record(
    path: Path, content: bytes, record: type[AnyRecord], *, version: int, fix: str
) -> AnyRecord:
    """Return the record that a file holds.

    Args:
        path: The file, for errors.
        content: The bytes of the file.
        record: The class of the record. It has a field `version`.
        version: The newest version that this reader knows.
        fix: What the user can do about a file that is damaged.

    Raises:
        FormatVersionError: The record is of a newer version.
        ManifestError: The file is damaged, or holds something else.
        DamagedFileError: A file that is a part of the record is damaged.
    """
    try:
        parsed = record.model_validate_json(content, context=path.parent)
    except DamagedFileError:
        _refuse_newer(path, _version_of(content), version)
        raise
    except ValidationError as error:
        _refuse_newer(path, _version_of(content), version)
        faults = describe_faults(record, error, whole=path.name, most=_MOST_FAULTS)
        expected = f"a {path.name} of version {version}"
        raise ManifestError(path, expected=expected, found="; ".join(faults), fix=fix) from None
    _refuse_newer(path, getattr(parsed, "version", None), version)
    return parsed


def read_record(path: Path, record: type[AnyRecord], *, version: int, fix: str) -> AnyRecord:
    """Return the record in a file that `to_json` has written, byte for byte.

    Records that are given away with a model are read in this way, so a change by hand is refused.
    Another program may write a manifest, so a manifest is read with `parse_record` alone.

    Args:
        path: The file.
        record: The class of the record. It has the fields `format` and `version`.
        version: The newest version that this reader knows.
        fix: What the user can do about a file that is damaged.

    Raises:
        MissingArtifactError: There is no such file.
        FormatVersionError: The record is of a newer version.
        ManifestError: The file is damaged, holds something else, or was changed.
    """
    content = read_content(path, fix=lambda _: "correct the path")
    return parse_exactly(path, content, record, version=version, fix=fix)


def parse_exactly(
    path: Path, content: bytes, record: type[AnyRecord], *, version: int, fix: str
) -> AnyRecord:
    """Return the record that a file holds which `to_json` has written; see `read_record`.

    Args:
        path: The file, for errors.
        content: The bytes of the file.
        record: The class of the record. It has the fields `format` and `version`.
        version: The newest version that this reader knows.
        fix: What the user can do about a file that is damaged.

    Raises:
        FormatVersionError: The record is of a newer version.
        ManifestError: The file is damaged, holds something else, or was changed.
    """
    read = parse_record(path, content, record, version=version, fix=fix)
    if to_json(read) != content:
        expected = f"a {path.name} as shardmill writes it"
        found = "one that was changed since"
        raise ManifestError(path, expected=expected, found=found, fix=fix)
    return read


def _version_of(content: bytes) -> int | None:
    """Return the version that a record states, even if the rest of it cannot be read."""
    try:
        found = json.loads(content)["version"]
    except (ValueError, TypeError, KeyError, RecursionError):
        stated = re.search(rb'"version": *(\d{1,9})\b', content)
        return int(stated[1]) if stated else None
    return found if isinstance(found, int) else None


def _refuse_newer(path: Path, found: int | None, known: int) -> None:
    if found is not None and found > known:
        raise FormatVersionError.newer(path, known=f"version {known}", found=found)
