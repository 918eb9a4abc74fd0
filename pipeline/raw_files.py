"""Finds raw files, opens them decompressed, and hashes their content."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, cast

from shardmill.errors import CompressionError, EmptyFileError, InputError
from shardmill.recipe_tables import RawFile

SAMPLE_NAME = "sample.json"
_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class RawContent:
    """A raw file that was read to its end.

    `bytes` and the hashes are of its content after decompression; `stat` is what the file system
    said of it then.
    """

    path: Path
    bytes: int
    sha256: str
    md5: str
    stat: tuple[int, ...]

    def matches(self, checksum: str) -> bool:
        """Say whether the content has this checksum, written `sha256:hex` or `md5:hex`."""
        algorithm, _, digest = checksum.partition(":")
        return digest == {"sha256": self.sha256, "md5": self.md5}[algorithm]

    def to_dict(self) -> dict[str, Any]:
        """Return the record as build.json keeps it."""
        return {**asdict(self), "path": str(self.path), "stat": list(self.stat)}


def find_raw(folder: Path, file: RawFile) -> Path | None:
    """Return where a raw file is; one with .gz may also be there without, and the other way."""
    path = folder / file.path
    other = path.with_suffix("") if path.suffix == ".gz" else path.with_name(path.name + ".gz")
    return next((p for p in (path, other) if p.is_file()), None)


def open_raw(path: Path) -> AbstractContextManager[IO[bytes]]:
    """Open a raw file for reading, decompressed if its content (not its name) is gzip."""
    with path.open("rb") as file:
        magic = file.read(2)
    if magic == b"\x1f\x8b":  # RFC 1952, section 2.3.1
        return cast("AbstractContextManager[IO[bytes]]", gzip.open(path, "rb"))
    return path.open("rb")


def read_raw(path: Path, *, known: Mapping[str, Any] | None = None) -> RawContent:
    """Return the size and hashes of a raw file's content.

    Args:
        path: the file.
        known: an earlier result as a dict; it is returned if the file system says that the
            file is still the same: size, modification and change time, and inode.

    Raises:
        EmptyFileError: the file holds nothing.
        CompressionError: its gzip is cut short or damaged.
        InputError: it cannot be read.
    """
    try:
        facts = path.stat()
        stat = (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)
        if known is not None and known.get("stat") == list(stat):
            return RawContent(path, known["bytes"], known["sha256"], known["md5"], stat)
        size, sha256, md5 = 0, hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        with open_raw(path) as file:
            while block := file.read(_CHUNK):
                size += len(block)
                sha256.update(block)
                md5.update(block)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CompressionError(
            path,
            expected="a whole gzip file",
            found=f"one that is cut short or damaged ({error})",
            fix="fetch or copy the file again",
        ) from None
    except OSError as error:
        raise InputError(
            path, expected="a readable file", found=str(error.strerror), fix="check its permissions"
        ) from None
    if size == 0:
        raise EmptyFileError(
            path, expected="at least one row", found="an empty file", fix="fetch or copy it again"
        )
    return RawContent(path, size, sha256.hexdigest(), md5.hexdigest(), stat)


def sample_digests(folder: Path) -> frozenset[str]:
    """Return the sha256 of the sample files that were generated into a raw folder."""
    try:
        files = json.loads((folder / SAMPLE_NAME).read_bytes())["files"]
        return frozenset(files.values())
    except FileNotFoundError:
        return frozenset()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            folder / SAMPLE_NAME,
            expected="the list of files that `shardmill sample` wrote",
            found="something else",
            fix="generate the sample again with `shardmill sample`",
        ) from None
