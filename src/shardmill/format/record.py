"""Records: what is written as JSON, a file each, and read back with clear errors."""

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from shardmill.errors import FormatVersionError, ManifestError, MissingArtifactError


class Record(BaseModel):
    """Base of what is written as JSON: unknown keys and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


AnyRecord = TypeVar("AnyRecord", bound=Record)


def to_json(record: Record) -> bytes:
    """Return `record` as JSON with sorted keys, two spaces a level and a trailing newline."""
    content = record.model_dump(mode="json")
    return (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read_content(path: Path, *, fix: str) -> bytes:
    """Return the content of the record that makes its folder what it is.

    Args:
        path: of the file.
        fix: what to do if it is not there.

    Raises:
        MissingArtifactError: there is no such file.
        ManifestError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise MissingArtifactError(
            path.parent, expected=f"a folder with a {path.name}", found="none", fix=fix
        ) from None
    except OSError as error:
        raise ManifestError(
            path,
            expected="a readable file",
            found=str(error.strerror),
            fix="check the path and its permissions",
        ) from None


def faults_of(error: ValidationError, whole: str) -> str:
    """Return the first five faults of a record, each with its place; `whole` names the record."""
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or whole}: {fault['msg']}"
        for fault in error.errors()[:5]
    )


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
    content = read_content(path, fix="correct the path")
    _check_version(path, content, version)
    try:
        read = record.model_validate_json(content)
    except ValidationError as error:
        faults = faults_of(error, path.name)
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
        raise FormatVersionError.newer(path, known=f"version {version}", found=found)
