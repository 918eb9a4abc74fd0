"""Finds the images in a folder, and hashes all of them as one.

A folder of images is one raw file for a build: it has a size, facts of the file system and a hash,
whatever the number of its images. So build.json and raw.json stay small.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from shardmill.errors import ImageFileError, UnreadableFileError
from shardmill.raw.decompress import file_stat, stat_facts
from shardmill.startup import available_cores
from shardmill.store.mounts import some_here

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
# What file managers leave behind.
_IGNORED = ("thumbs.db", "desktop.ini", "__macosx")
_AT_A_TIME = 256
_BLOCK_BYTES = 2**20


class ListedImage(NamedTuple):
    """An image in a folder: its path below it, with forward slashes, and facts about the file."""

    path: str
    stat: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ImageList:
    """What a folder holds.

    Attributes:
        folder: The folder.
        images: All images in it and in folders below it. They are sorted by path, folder by folder,
            and names are compared code point by code point.
        others: The paths of all other files, as far as they are not hidden.
    """

    folder: Path
    images: tuple[ListedImage, ...]
    others: tuple[str, ...]

    @property
    def stat(self) -> tuple[int, ...]:
        """Facts that change when an image does: size, number, and a hash of those of all images."""
        facts = "\n".join(f"{path}\0{stat}" for path, stat in self.images)
        digest = hashlib.sha256(facts.encode()).digest()
        size = sum(stat[0] for _, stat in self.images)
        return (size, len(self.images), int.from_bytes(digest[:16]))

    def batches(self) -> Iterator[tuple[str, ...]]:
        """Yield the paths of all images, some hundred at a time."""
        for start in range(0, len(self.images), _AT_A_TIME):
            yield tuple(image.path for image in self.images[start : start + _AT_A_TIME])

    def check_alone(self) -> None:
        """Check that the folder holds nothing but images.

        Raises:
            ImageFileError: There is another file.
        """
        if self.others:
            more = f", and {len(self.others) - 1:,} more such files" if len(self.others) > 1 else ""
            raise ImageFileError(
                self.folder / ascii(self.others[0])[1:-1],
                expected=f"images alone ({', '.join(ENDINGS)})",
                found=f"a file of another kind{more}",
                fix="move it out of the folder",
            )

    def classes(self) -> Counter[str]:
        """Return how many images each class has: each folder that stands directly in this one.

        Raises:
            ImageFileError: An image is in no such folder.
        """
        for path, _ in self.images:
            if "/" not in path:
                raise ImageFileError(
                    self.folder / path,
                    expected="an image in a folder that has the name of its class",
                    found="one beside these folders",
                    fix="move it, or leave [target] out of the recipe",
                )
        return Counter(class_of(path) for path, _ in self.images)


def class_of(path: str) -> str:
    """Return the class of an image: the first folder of its path.

    Example:
        >>> class_of("cat/1/2.png")
        'cat'
    """
    return path.partition("/")[0]


def list_images(folder: Path) -> ImageList:
    """Return what a folder holds; nothing if there is no folder.

    Hidden files and folders, and those that file managers leave behind, are passed over. Links are
    followed, except to folders that they are in.

    Raises:
        UnreadableFileError: A folder cannot be read.
    """
    images: list[ListedImage] = []
    others: list[str] = []
    if folder.is_dir():
        for path, facts in _files(folder, "", frozenset()):
            if path.lower().endswith(ENDINGS) and _is_text(path):
                images.append(ListedImage(path, facts))
            else:
                others.append(path)
    # A slash is before all characters of names, so that folders stay together.
    images.sort(key=lambda image: image.path.replace("/", "\0"))
    return ImageList(folder, tuple(images), tuple(sorted(others)))


def is_passed_over(name: str) -> bool:
    """Say whether a file or folder of this name is hidden, or left behind by a file manager."""
    return name.startswith(".") or name.lower() in _IGNORED


def _is_text(path: str) -> bool:
    """Say whether a path can stand in a line of text. File systems allow more."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return "\n" not in path


def _files(
    folder: Path, below: str, above: frozenset[tuple[int, int]]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield each file in a folder and below it: its path and its facts."""
    try:
        facts = folder.stat()
        own = (facts.st_dev, facts.st_ino)
        if own in above:  # a link to a folder that it is in
            return
        with os.scandir(folder) as found:
            entries = list(found)
        for entry in entries:
            if is_passed_over(entry.name):
                continue
            if entry.is_dir():
                inside = f"{below}{entry.name}/"
                yield from _files(folder / entry.name, inside, above | {own})
            elif entry.is_file():
                yield f"{below}{entry.name}", stat_facts(entry.stat())
    except OSError as error:
        raise UnreadableFileError(
            error.filename or folder,
            expected="a readable folder of images",
            found=str(error.strerror or error),
            fix="check its permissions",
        ) from None


def hash_images(listed: ImageList) -> str:
    """Return the SHA-256 of all images, in hexadecimal digits.

    It is the hash of what the command `sha256sum` prints for them: a line for each, with the hash
    of its content, two spaces and its path.

    Raises:
        UnreadableFileError: An image cannot be read.
    """
    with ThreadPoolExecutor(available_cores()) as threads:
        return joined_hash(threads.map(partial(hash_some, listed.folder), listed.batches()))


def joined_hash(lines: Iterable[bytes]) -> str:
    """Return the hash of a folder from what `hash_some` returns of all its images, in order."""
    whole = hashlib.sha256()
    for some in lines:
        whole.update(some)
    return whole.hexdigest()


def hash_some(folder: Path, paths: Sequence[str]) -> bytes:
    """Return a line for each of some images in a folder; see `hash_images`.

    Raises:
        UnreadableFileError: An image cannot be read.
    """
    lines = []
    start = f"{some_here(folder, paths)}/"
    for path in paths:
        try:
            with open(start + path, "rb", buffering=0) as file:  # noqa: PTH123  half as fast by Path
                hashed = hashlib.sha256()
                while block := file.read(_BLOCK_BYTES):
                    hashed.update(block)
        except OSError:
            file_stat(folder / path)  # raises if there is no such file
            raise
        lines.append(f"{hashed.hexdigest()}  {path}\n")
    return "".join(lines).encode()
