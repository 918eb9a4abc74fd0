"""Finds raw files, and hashes their content unless it is known already."""

import fnmatch
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from shardmill.errors import InputError
from shardmill.raw.plain_file import PlainFile, file_stat, open_raw, plain_copy
from shardmill.recipe.tables import RawFile

SAMPLE_NAME = "sample.json"
COMPRESSED_SUFFIXES = (".gz", ".zst")


@dataclass(frozen=True, slots=True)
class RawContent:
    """A raw file that was read to its end.

    `bytes` and the hashes are of its content after decompression; `md5` is None where nobody
    asked for it; `stat` is what the file system said of it then. `readable` is where to read it
    decompressed and in UTF-8, which may be a copy.
    """

    path: Path
    bytes: int
    sha256: str
    md5: str | None
    stat: tuple[int, ...]
    readable: Path

    @classmethod
    def of(cls, path: Path, plain: PlainFile) -> Self:
        """Return the record of the raw file that `plain` was made from."""
        return cls(path, plain.bytes, plain.sha256, plain.md5, plain.stat, plain.path)

    def matches(self, checksum: str) -> bool:
        """Say whether the content has this checksum, written `sha256:hex` or `md5:hex`."""
        algorithm, _, digest = checksum.partition(":")
        return digest == {"sha256": self.sha256, "md5": self.md5}[algorithm]

    def to_dict(self) -> dict[str, Any]:
        """Return the record as build.json keeps it."""
        facts = {**asdict(self), "path": str(self.path), "stat": list(self.stat)}
        del facts["readable"]  # a copy is gone after the build
        return facts


def find_raw(folder: Path, file: RawFile) -> Path | None:
    """Return where a raw file is; it may be compressed or not, whatever its path says."""
    path = folder / file.path
    plain = path.with_suffix("") if path.suffix in COMPRESSED_SUFFIXES else path
    others = [plain, *(plain.with_name(plain.name + suffix) for suffix in COMPRESSED_SUFFIXES)]
    return next((p for p in (path, *others) if p.is_file()), None)


def expand_raw(folder: Path, file: RawFile) -> list[Path]:
    """Return where the raw files of one entry of a recipe are, sorted by name; none if missing.

    A path without `*` and `?` is looked for as `find_raw` does. With them it stands for all
    files whose names match it, but for hidden ones.
    """
    if not file.is_pattern:
        found = find_raw(folder, file)
        return [] if found is None else [found]
    pattern = folder / file.path
    # In a recipe `[` is a character like any other.
    matches = re.compile(fnmatch.translate(pattern.name.replace("[", "[[]"))).match
    try:
        there = sorted(pattern.parent.iterdir())
    except OSError:
        return []
    hidden = pattern.name.startswith(".")
    return [
        path
        for path in there
        if matches(path.name) and path.name.startswith(".") == hidden and path.is_file()
    ]


def read_raw(path: Path) -> RawContent:
    """Return the size and hashes of a raw file's content, MD5 among them.

    Raises:
        EmptyFileError: the file holds nothing.
        CompressionError: it is cut short or damaged.
        InputError: it cannot be read.
    """
    return RawContent.of(path, plain_copy(path, None, encoding=None, md5=True))


def known_content(path: Path, known: Mapping[str, Any]) -> RawContent | None:
    """Return an earlier result if the file system says that the file is still the same.

    That is: size, modification and change time, and inode.

    Raises:
        InputError: the file is not there.
    """
    stat = file_stat(path)
    if known.get("stat") != list(stat):
        return None
    return RawContent(path, known["bytes"], known["sha256"], known["md5"], stat, path)


def read_known(content: RawContent) -> bytes:
    """Return the whole content of a raw file that was read before, decompressed.

    Raises:
        InputError: it is another one now.
    """
    with open_raw(content.readable) as file:
        found = file.read()
    if hashlib.sha256(found).hexdigest() != content.sha256:
        raise changed_error(content.path)
    return found


def check_same(content: RawContent) -> None:
    """Compare a raw file that was read as it is with what it was when it was hashed.

    Raises:
        InputError: its content is another one.
    """
    if content.readable != content.path or known_content(content.path, content.to_dict()):
        return
    if plain_copy(content.path, None, encoding=None).sha256 != content.sha256:
        raise changed_error(content.path)


def changed_error(path: Path) -> InputError:
    """Return the error for a raw file that is another one than when the build was planned."""
    return InputError(
        path,
        expected="the content that it had when the build was planned",
        found="another one",
        fix="leave the file alone while it is read",
    )


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
