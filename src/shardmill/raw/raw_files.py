"""Finds raw files, and hashes their content unless it is known already."""

import fnmatch
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from shardmill.errors import InputError
from shardmill.raw.plain_file import PlainFile, file_stat, open_raw, plain_copy, stat_facts
from shardmill.recipe.any_recipe import AnyRecipe
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


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A raw file, and what the file system said of it when it was found.

    Attributes:
        path: Where the file is.
        stat: Its size, times of modification and change, and inode; see `file_stat`.
    """

    path: Path
    stat: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """The size of the file on disk."""
        return self.stat[0]


@dataclass(frozen=True, slots=True)
class RawFiles:
    """The raw files of a recipe, found once and handed on.

    Attributes:
        folder: The folder of the raw files.
        found: The files of each entry of the recipe, by the path in the recipe. An entry whose
            files are missing has none; a pattern may have any number, sorted by name.
    """

    folder: Path
    found: Mapping[str, tuple[FoundFile, ...]]

    def of(self, file: RawFile) -> tuple[FoundFile, ...]:
        """Return the files of one entry of the recipe."""
        return self.found[file.path]

    def any_of(self, files: Iterable[RawFile]) -> bool:
        """Say whether there is a file for at least one of some entries."""
        return any(self.found[file.path] for file in files)

    def bytes(self) -> int:
        """Return how many bytes all files have on disk."""
        return sum(found.bytes for several in self.found.values() for found in several)


def find_raw_files(recipe: AnyRecipe, folder: Path) -> RawFiles:
    """Return the raw files of a recipe. Each is looked up once.

    Raises:
        InputError: A file cannot be looked at.
    """
    entries = {file.path: file for file in recipe.files()}
    return RawFiles(folder, {path: find_entry(folder, file) for path, file in entries.items()})


def find_raw(folder: Path, file: RawFile) -> FoundFile | None:
    """Return the raw file of an entry without `*` and `?`, or None if it is missing.

    The file may be compressed or not, whatever its path in the recipe says.
    """
    path = folder / file.path
    plain = path.with_suffix("") if path.suffix in COMPRESSED_SUFFIXES else path
    others = [plain, *(plain.with_name(plain.name + suffix) for suffix in COMPRESSED_SUFFIXES)]
    candidates = dict.fromkeys((path, *others))
    return next((found for c in candidates if (found := _look_at(c)) is not None), None)


def find_entry(folder: Path, file: RawFile) -> tuple[FoundFile, ...]:
    """Return the raw files of one entry of a recipe, sorted by name; none if they are missing.

    A path without `*` and `?` is looked for as `find_raw` does. With them, it stands for all files
    whose names match it, except hidden ones.
    """
    if not file.is_pattern:
        found = find_raw(folder, file)
        return () if found is None else (found,)
    pattern = folder / file.path
    # In a recipe, `[` is a character like any other.
    matches = re.compile(fnmatch.translate(pattern.name.replace("[", "[[]"))).match
    hidden = pattern.name.startswith(".")
    try:
        with os.scandir(pattern.parent) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError:
        return ()
    wanted = (name for name in names if matches(name) and name.startswith(".") == hidden)
    there = (_look_at(pattern.parent / name) for name in wanted)
    return tuple(found for found in there if found is not None)


def _look_at(path: Path) -> FoundFile | None:
    """Return a regular file with its facts; None if there is none."""
    try:
        facts = path.stat()
    except (OSError, ValueError):
        return None
    return FoundFile(path, stat_facts(facts)) if stat.S_ISREG(facts.st_mode) else None


def read_raw(path: Path) -> RawContent:
    """Return the size and hashes of a raw file's content, MD5 among them.

    Raises:
        EmptyFileError: the file holds nothing.
        CompressionError: it is cut short or damaged.
        InputError: it cannot be read.
    """
    return RawContent.of(path, plain_copy(path, None, encoding=None, md5=True))


def known_content(found: FoundFile, known: Mapping[str, Any]) -> RawContent | None:
    """Return an earlier result if the file system says that the file is still the same.

    It is if its size, its times of modification and change and its inode are the same.

    Args:
        found: The file.
        known: What build.json keeps of the file; empty if it keeps nothing.
    """
    if known.get("stat") != list(found.stat):
        return None
    sha256, md5 = known["sha256"], known["md5"]
    return RawContent(found.path, known["bytes"], sha256, md5, found.stat, found.path)


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
    if content.readable != content.path or file_stat(content.path) == content.stat:
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
