"""Finds raw files, and hashes their content unless it is already known."""

import json
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from shardmill.errors import ChangedFileError, SampleListError
from shardmill.raw.content_digest import digest_of
from shardmill.raw.decompress import file_stat, open_raw, stat_facts
from shardmill.raw.entry_names import is_meant, possible_paths
from shardmill.raw.image_folder import hash_images, list_images
from shardmill.raw.plain_file import PlainFile, is_plain, plain_copy
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.splits import ImageFolder, RawFile

SAMPLE_NAME = "sample.json"


@dataclass(frozen=True, slots=True)
class RawContent:
    """A raw file that was read to its end.

    Attributes:
        path: The raw file.
        bytes: The size of its content after decompression.
        digest: The digest of that content; see `content_digest`. For a folder, see `hash_images`.
        checksum: The checksum of that content as recipes write it, `sha256:` or `md5:` and
            hexadecimal digits; None if it was not asked for.
        stat: The facts of the file system about the file when it was read; see `file_stat`.
        readable: The file to read the content from, decompressed and in UTF-8. It may be a copy.
    """

    path: Path
    bytes: int
    digest: str
    checksum: str | None
    stat: tuple[int, ...]
    readable: Path

    @classmethod
    def of(cls, path: Path, plain: PlainFile) -> Self:
        """Return the record of the raw file that `plain` was made from."""
        return cls(path, plain.bytes, plain.digest, plain.checksum, plain.stat, plain.path)

    @classmethod
    def unhashed(cls, path: Path, copy: Path, encoding: str | None) -> Self:
        """Return a file itself if it is plain, or else its decompressed copy in UTF-8.

        Args:
            path: The raw file.
            copy: The file to write if it is not plain.
            encoding: The encoding of text; None for other content.

        Raises:
            InputError: The file cannot be read, or is not in its encoding.
        """
        if not is_plain(path, encoding):
            content = cls.of(path, plain_copy(path, copy, encoding=encoding))
        else:
            stat = file_stat(path)
            content = cls(path, stat[0], "", None, stat, path)
        return content if encoding is not None else content.unpacked(copy)

    def unpacked(self, copy: Path) -> Self:
        """Return the same content, or a copy of it if it is an `.npz` with compressed arrays.

        Args:
            copy: The plain copy of the file, if it has one. That of an `.npz` is beside it.

        Raises:
            ArrayFormatError: It is an `.npz` that is damaged.
            OutputError: The copy cannot be written.
        """
        # Imported here, since a check that a build is up to date needs no numpy.
        from shardmill.raw.unpack_npz import unpack_npz

        readable = unpack_npz(self.readable, copy.with_suffix(".npz"), name=self.path)
        return replace(self, readable=readable)

    def has_checksum(self, algorithm: str | None) -> bool:
        """Say whether the checksum by an algorithm was taken, or none is wanted."""
        return algorithm is None or (self.checksum or "").startswith(f"{algorithm}:")

    def to_dict(self) -> dict[str, Any]:
        """Return the record as build.json keeps it."""
        facts = {**asdict(self), "path": str(self.path), "stat": list(self.stat)}
        del facts["readable"]  # a copy is gone after the build
        return facts


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A raw file that was found, with the facts of the file system about it.

    Attributes:
        path: Where the file is.
        stat: Its size, times of modification and change, and inode; see `file_stat`. For a folder
            of images, see `ImageList.stat`.
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
        url: The URL that the files were brought from; empty for files of here.
    """

    folder: Path
    found: Mapping[str, tuple[FoundFile, ...]]
    url: str = ""

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

    A file that the system refuses to look at counts as missing.
    """
    entries = {file.path: file for file in recipe.files()}
    return RawFiles(folder, {path: find_entry(folder, file) for path, file in entries.items()})


def find_raw(folder: Path, file: RawFile) -> FoundFile | None:
    """Return the raw file of an entry without `*` and `?`, or None if it is missing.

    The file may be compressed or not, whatever its path in the recipe says.
    """
    looks = (_look_at(folder / path) for path in possible_paths(file))
    return next((found for found in looks if found is not None), None)


def find_entry(folder: Path, file: RawFile) -> tuple[FoundFile, ...]:
    """Return the raw files of one entry of a recipe, sorted by name; none if they are missing.

    A path without `*` and `?` is looked for as `find_raw` does. With them, it stands for all files
    whose names match it, except hidden ones. A folder of images counts as one file.
    """
    if isinstance(file, ImageFolder):
        images = list_images(folder / file.path)
        return (FoundFile(images.folder, images.stat),) if images.images else ()
    if not file.is_pattern:
        found = find_raw(folder, file)
        return () if found is None else (found,)
    pattern = folder / file.path
    try:
        with os.scandir(pattern.parent) as entries:
            names = sorted(entry.name for entry in entries if is_meant(file, entry.name))
    except OSError:
        return ()
    there = (_look_at(pattern.parent / name) for name in names)
    return tuple(found for found in there if found is not None)


def _look_at(path: Path) -> FoundFile | None:
    """Return a regular file with its facts; None if there is none."""
    try:
        facts = path.stat()
    except (OSError, ValueError):
        return None
    return FoundFile(path, stat_facts(facts)) if stat.S_ISREG(facts.st_mode) else None


def read_raw(path: Path, algorithm: str | None = None) -> RawContent:
    """Return the size and the digest of the content of a raw file.

    Args:
        path: The raw file.
        algorithm: `sha256` or `md5` for the checksum of the content; None for no checksum.

    Raises:
        EmptyFileError: The file holds nothing.
        CompressionError: The file is cut short or damaged.
        UnreadableFileError: The file cannot be read.
    """
    return RawContent.of(path, plain_copy(path, None, encoding=None, algorithm=algorithm))


def read_folder(path: Path) -> RawContent:
    """Return the size and the hash of all images in a folder; see `hash_images`.

    Raises:
        UnreadableFileError: An image or a folder cannot be read.
    """
    images = list_images(path)
    stat = images.stat
    return RawContent(path, stat[0], hash_images(images), None, stat, path)


def known_content(found: FoundFile, known: Mapping[str, Any]) -> RawContent | None:
    """Return an earlier result if the file is still the same.

    It is the same if its size, its times of modification and change and its inode are.

    Args:
        found: The file.
        known: What build.json holds about the file; empty if it holds nothing.
    """
    if known.get("stat") != list(found.stat):
        return None
    digest, checksum = known["digest"], known["checksum"]
    return RawContent(found.path, known["bytes"], digest, checksum, found.stat, found.path)


def read_known(content: RawContent) -> bytes:
    """Return the whole content of a raw file that was read before, decompressed.

    Raises:
        ChangedFileError: The content has changed since.
    """
    with open_raw(content.readable) as file:
        found = file.read()
    if digest_of(found) != content.digest:
        raise changed_error(content.path)
    return found


def check_same(content: RawContent) -> None:
    """Check that a raw file, if no copy of it was read, still has the content that was hashed.

    Raises:
        ChangedFileError: The content has changed since.
    """
    if content.path.is_dir():
        images = list_images(content.path)
        same = images.stat == content.stat or hash_images(images) == content.digest
    else:
        same = content.readable != content.path or file_stat(content.path) == content.stat
        same = same or plain_copy(content.path, None, encoding=None).digest == content.digest
    if not same:
        raise changed_error(content.path)


def changed_error(path: Path) -> ChangedFileError:
    """Return the error for a raw file that has changed since the build was planned."""
    return ChangedFileError(
        path,
        expected="the content that it had when the build was planned",
        found="another one",
        fix="leave the file alone while it is read",
    )


def sample_digests(folder: Path) -> frozenset[str]:
    """Return the digest of each sample file that was generated into a raw folder.

    Raises:
        SampleListError: The list of them is not what `shardmill sample` writes.
    """
    try:
        files = json.loads((folder / SAMPLE_NAME).read_bytes())["files"]
        return frozenset(files.values())
    except FileNotFoundError:
        return frozenset()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SampleListError(
            folder / SAMPLE_NAME,
            expected="the list of files that `shardmill sample` wrote",
            found="something else",
            fix="generate the sample again with `shardmill sample`",
        ) from None
