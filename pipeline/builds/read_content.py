"""Reads raw files once: takes their hashes unless these are known, and copies them if necessary.

A copy is decompressed and in UTF-8. build.json keeps the hashes for the next build.
"""

import json
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from shardmill.pipeline.builds.engine import Engine
from shardmill.pipeline.builds.generation import BUILD_NAME, build_json, replace_build
from shardmill.pipeline.builds.read_job import ReadJob, copy_in, read_in_tasks
from shardmill.raw.plain_file import is_plain, plain_copy
from shardmill.raw.raw_files import (
    FoundFile,
    RawContent,
    RawFiles,
    changed_error,
    check_same,
    known_content,
)
from shardmill.raw.work_sizes import DEFAULT_SIZES, WorkSizes
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.splits import RawFile
from shardmill.store.mounts import sent

_KEYS = {field.name for field in fields(RawContent)} - {"readable"}
_TOLD_BYTES = 2**23  # so often it is told how much was read


def _nothing_read(done: int, total: int) -> None:
    """Take no note of what was read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How raw files are read.

    Attributes:
        copies: The folder for plain copies of compressed files; None to take hashes alone.
        on_read: What to call now and then with the bytes that were read so far, and all there are.
        engine: Where tasks read large files; None to read all files in this process.
        sizes: From which size on files are read as tasks, and the sizes of these.
    """

    copies: Path | None = None
    on_read: Callable[[int, int], None] = _nothing_read
    engine: Engine | None = None
    sizes: WorkSizes = DEFAULT_SIZES

    def is_parallel(self, jobs: Sequence[ReadJob]) -> bool:
        """Say whether files are read as tasks: there is enough of them for several workers."""
        if self.engine is None or self.engine.processes < 2:
            return False
        large = sum(job.found.bytes for job in jobs) >= self.sizes.large_bytes
        apart = len({job.found.path for job in jobs}) == len(jobs)  # two would write one copy
        several = len(jobs) > 1 or any(job.is_cut(self.sizes.range_bytes) for job in jobs)
        return large and apart and several

    def read(self, jobs: Sequence[ReadJob], total: int) -> Generator[RawContent, None, None]:
        """Yield the content of raw files, in order.

        Args:
            jobs: The files.
            total: The bytes of all raw files, those that need not be read among them.
        """
        told = _Told(self.on_read, total)
        if self.engine is not None and self.is_parallel(jobs):
            yield from read_in_tasks(
                jobs, self.engine, range_bytes=self.sizes.range_bytes, on_read=told.at
            )
            return
        for job in jobs:
            yield job.read(partial(told.within, job.found.bytes))
            told.before += job.found.bytes


class _Told:
    """What was told of the bytes that were read."""

    def __init__(self, on_read: Callable[[int, int], None], total: int) -> None:
        self._on_read = on_read
        self._total = total
        self._told = 0
        self.before = 0

    def at(self, done: int) -> None:
        """Tell how many bytes were read, if they are many more than what was told before."""
        if done - self._told >= _TOLD_BYTES:
            self._told = done
            self._on_read(done, self._total)

    def within(self, size: int, position: int) -> None:
        """Tell how far a file of `size` bytes was read, behind those before it."""
        self.at(self.before + min(position, size))


def read_contents(
    recipe: AnyRecipe, raw: RawFiles, *, artifact: Path, reading: Reading
) -> dict[str, tuple[RawContent, ...]]:
    """Return the content of raw files, by their path in the recipe.

    Files are read unless build.json says what they hold.

    Args:
        recipe: A recipe from `present_recipe`.
        raw: The raw files of the recipe.
        artifact: The folder whose build.json says what is known.
        reading: Where copies go, what is told, and where tasks run.

    Raises:
        InputError: A raw file cannot be read.
    """
    known = _known_contents(recipe, raw, artifact)
    jobs = _jobs(recipe, raw, known, reading.copies)
    contents: dict[str, list[RawContent]] = {file.path: [] for file in recipe.files()}
    with closing(reading.read(jobs, raw.bytes())) as read:
        for file, found in _entries(recipe, raw):
            content = known.get((file.path, found.path))
            contents[file.path].append(next(read) if content is None else content)
    return {path: tuple(several) for path, several in contents.items()}


def readable_contents(
    recipe: AnyRecipe, contents: Mapping[str, Sequence[RawContent]], copies: Path
) -> dict[str, tuple[RawContent, ...]]:
    """Return raw files that can all be read as they are: plain, and in UTF-8 if they are text.

    Args:
        recipe: The recipe of the files.
        contents: The files, by their path in the recipe.
        copies: The folder for plain copies.

    Raises:
        InputError: A raw file has changed since it was hashed, or is not in its encoding.
    """
    encodings = _encodings(recipe)
    return {
        name: tuple(_readable(each, encodings.get(name), copies) for each in several)
        for name, several in contents.items()
    }


def is_known(recipe: AnyRecipe, raw: RawFiles, artifact: Path) -> bool:
    """Say whether build.json knows the content of all raw files, so that none must be read."""
    return not unread_files(recipe, raw, artifact)


def unread_files(recipe: AnyRecipe, raw: RawFiles, artifact: Path) -> list[ReadJob]:
    """Return the raw files that must be read, since build.json does not know their content.

    Args:
        recipe: A recipe from `present_recipe`.
        raw: The raw files of the recipe.
        artifact: The folder whose build.json says what is known.
    """
    return _jobs(recipe, raw, _known_contents(recipe, raw, artifact), None)


def _jobs(
    recipe: AnyRecipe,
    raw: RawFiles,
    known: Mapping[tuple[str, Path], RawContent],
    copies: Path | None,
) -> list[ReadJob]:
    encodings = _encodings(recipe)
    return [
        ReadJob(found, file, encodings.get(file.path), copies)
        for file, found in _entries(recipe, raw)
        if (file.path, found.path) not in known
    ]


def _known_contents(
    recipe: AnyRecipe, raw: RawFiles, artifact: Path
) -> dict[tuple[str, Path], RawContent]:
    """Return what build.json knows of raw files, by their path in the recipe and on disk."""
    known = known_files(artifact)
    contents = {}
    for file, found in _entries(recipe, raw):
        content = known_content(found, known.get(str(found.path), {}))
        if content is not None and content.has_checksum(file.algorithm):
            contents[file.path, found.path] = content
    return contents


def _entries(recipe: AnyRecipe, raw: RawFiles) -> Iterator[tuple[RawFile, FoundFile]]:
    """Yield each file of each entry of the recipe. Several splits may name the same entry."""
    for file in {file.path: file for file in recipe.files()}.values():
        for found in raw.of(file):
            yield file, found


def known_digests(recipe: AnyRecipe, raw: RawFiles, artifact: Path) -> dict[str, str | None]:
    """Return the digest of each raw file, by its path in raw.json; None where it is not known."""
    known = known_files(artifact)
    digests: dict[str, str | None] = {}
    for file in recipe.files():
        for found in raw.of(file):
            content = known_content(found, known.get(str(found.path), {}))
            path = found.path.relative_to(raw.folder).as_posix() if file.is_pattern else file.path
            digests[path] = None if content is None else content.digest
    return digests


def known_facts(contents: Mapping[str, Sequence[RawContent]]) -> dict[str, Any]:
    """Return what build.json keeps of raw files, so that the next build need not read them."""
    return {str(each.path): each.to_dict() for several in contents.values() for each in several}


def keep_known(artifact: Path, contents: Mapping[str, Sequence[RawContent]]) -> None:
    """Update what build.json knows of raw files. Without a build.json, nothing is done.

    Raises:
        OutputError: The file cannot be written.
    """
    try:
        facts = json.loads((artifact / BUILD_NAME).read_bytes())
    except OSError:
        return
    except ValueError:
        facts = {}  # it was damaged
    others = facts if isinstance(facts, dict) else {}
    now = known_facts(contents)
    if others.get("raw") != now:
        replace_build(artifact, build_json({**others, "raw": now}))


def known_files(artifact: Path) -> Mapping[str, Any]:
    """Return what build.json holds of each raw file, by its path; empty if it is not whole."""
    try:
        known = json.loads((artifact / BUILD_NAME).read_bytes())["raw"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return known if isinstance(known, dict) and all(map(_is_whole, known.values())) else {}


def _is_whole(facts: Any) -> bool:
    """Say whether facts are those of a raw file, as `RawContent.to_dict` writes them."""
    if not isinstance(facts, dict) or set(facts) != _KEYS or not isinstance(facts["stat"], list):
        return False
    size, digest, checksum = (facts[key] for key in ("bytes", "digest", "checksum"))
    return (
        type(size) is int
        and 0 <= size < 2**63
        and isinstance(digest, str)
        and re.fullmatch("[0-9a-f]{64}", digest) is not None
        and (checksum is None or (isinstance(checksum, str) and _is_checksum(checksum)))
    )


def _is_checksum(text: str) -> bool:
    return re.fullmatch("sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", text) is not None


def _readable(content: RawContent, encoding: str | None, copies: Path) -> RawContent:
    if content.path.is_dir():
        return content
    copy = copy_in(copies, content.path)
    if content.readable == content.path and not is_plain(content.path, encoding):
        plain = plain_copy(content.path, copy, encoding=encoding)
        if plain.digest != content.digest:
            raise changed_error(content.path)
        content = replace(content, readable=plain.path)
        sent(plain.path)
    if encoding is not None:
        return content
    unpacked = content.unpacked(copy)
    if unpacked.readable != content.readable:
        check_same(content)
        sent(unpacked.readable)
    return unpacked


def _encodings(recipe: AnyRecipe) -> dict[str, str]:
    """Return the encoding of each raw file of rows that is text, by its path in the recipe."""
    encodings = {file.path: recipe.encoding(file) for file in recipe.row_files()}
    return {path: encoding for path, encoding in encodings.items() if encoding is not None}
