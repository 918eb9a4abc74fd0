"""Reads small files of an artifact, and compares them with their records."""

from pathlib import Path

import xxhash

from shardmill.errors import DamagedFileError
from shardmill.format.manifest import FileRecord, Manifest, RawList, RawRecord
from shardmill.format.record import parse_record

# What to do about a damaged artifact.
REBUILD = "build the artifact again with `shardmill preprocess --force`"


def read_checked(artifact: Path, record: FileRecord, *, fix: str = REBUILD) -> bytes:
    """Return the content of a small file of an artifact, or of another folder with records.

    Args:
        artifact: The folder that the path of the record starts from.
        record: What was written.
        fix: What the user can do if the file is damaged.

    Raises:
        DamagedFileError: The file is missing, or is not the one that was written.
    """
    path = artifact / record.path
    try:
        content = path.read_bytes()
    except OSError:  # it is missing, or its name is none
        content = b""
    found = xxhash.xxh3_128_hexdigest(content)
    if found != record.xxh3_128:
        raise DamagedFileError(
            path,
            expected=f"{record.bytes:,} bytes with xxh3_128 {record.xxh3_128}",
            found=f"{len(content):,} bytes with {found}",
            fix=fix,
        )
    return content


def read_raw_records(artifact: Path, manifest: Manifest) -> tuple[RawRecord, ...]:
    """Return the raw files that an artifact was made from, from its raw.json.

    Raises:
        DamagedFileError: The file is missing, or is not the one that was written.
        ManifestError: The file is no list of raw files.
    """
    path = artifact / manifest.raw.path
    content = read_checked(artifact, manifest.raw)
    return parse_record(path, content, RawList, version=manifest.version, fix=REBUILD).files
