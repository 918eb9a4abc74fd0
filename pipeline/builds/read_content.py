"""Reads raw files once: takes their hashes unless these are known, and copies them if necessary.

A copy is decompressed and in UTF-8. build.json keeps the hashes for the next build.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from shardmill.pipeline.builds.generation import BUILD_NAME, build_json, replace_build
from shardmill.raw.plain_file import is_plain, plain_copy
from shardmill.raw.raw_files import (
    FoundFile,
    RawContent,
    RawFiles,
    changed_error,
    check_same,
    known_content,
    read_folder,
)
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.splits import ImageFolder, RawFile

_KEYS = {field.name for field in fields(RawContent)} - {"readable"}
_DIGITS = frozenset("0123456789abcdef")
_TOLD_BYTES = 2**23  # so often it is told how much was read


def _nothing_read(done: int, total: int) -> None:
    """Take no note of what was read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How raw files are read.

    Attributes:
        copies: The folder for plain copies of compressed files; None to take hashes alone.
        on_read: What to call now and then with the bytes that were read so far, and all there are.
    """

    copies: Path | None = None
    on_read: Callable[[int, int], None] = _nothing_read

    def of(self, file: FoundFile, before: int, total: int) -> Callable[[int], None]:
        """Return what to call with the bytes that were read of one of several files."""
        told = 0

        def tell(position: int) -> None:
            nonlocal told
            if position - told >= _TOLD_BYTES:
                told = position
                self.on_read(before + min(position, file.bytes), total)

        return tell


def read_contents(
    recipe: AnyRecipe, raw: RawFiles, *, artifact: Path, reading: Reading
) -> dict[str, tuple[RawContent, ...]]:
    """Return the content of raw files, by their path in the recipe.

    Files are read unless build.json says what they hold.

    Args:
        recipe: A recipe from `present_recipe`.
        raw: The raw files of the recipe.
        artifact: The folder whose build.json says what is known.
        reading: Where copies go, and what is told.

    Raises:
        InputError: A raw file cannot be read.
    """
    known, encodings = known_files(artifact), _encodings(recipe)
    total, before = raw.bytes(), 0
    contents: dict[str, tuple[RawContent, ...]] = {}
    for file in recipe.files():
        several = []
        for found in raw.of(file):
            content = _read(
                found,
                file,
                encoding=encodings.get(file.path),
                known=known,
                copies=reading.copies,
                tell=reading.of(found, before, total),
            )
            several.append(content)
            before += found.bytes
        contents[file.path] = tuple(several)
    return contents


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
    known = known_files(artifact)
    return all(
        known_content(found, known.get(str(found.path), {})) is not None
        for file in recipe.files()
        for found in raw.of(file)
    )


def known_digests(recipe: AnyRecipe, raw: RawFiles, artifact: Path) -> dict[str, str | None]:
    """Return the SHA-256 of each raw file, by its path in raw.json; None where it is not known."""
    known = known_files(artifact)
    digests: dict[str, str | None] = {}
    for file in recipe.files():
        for found in raw.of(file):
            content = known_content(found, known.get(str(found.path), {}))
            path = found.path.relative_to(raw.folder).as_posix() if file.is_pattern else file.path
            digests[path] = None if content is None else content.sha256
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
    hashes = [facts["sha256"], *([] if facts["md5"] is None else [facts["md5"]])]
    size = facts["bytes"]
    return (
        type(size) is int
        and 0 <= size < 2**63
        and all(isinstance(text, str) and set(text) <= _DIGITS for text in hashes)
        and [len(text) for text in hashes] in ([64], [64, 32])
    )


def _read(
    found: FoundFile,
    file: RawFile,
    *,
    encoding: str | None,
    known: Mapping[str, Any],
    copies: Path | None,
    tell: Callable[[int], None],
) -> RawContent:
    md5 = file.checksum is not None and file.checksum.startswith("md5:")
    path = found.path
    content = known_content(found, known.get(str(path), {}))
    if content is not None and (content.md5 or not md5):
        return content
    if isinstance(file, ImageFolder):
        return read_folder(path)
    copy = None if copies is None else copy_in(copies, path)
    promised = None
    if encoding is None:
        # It is an IDX file, or a tokenizer.json, which does not begin like one. Imported here,
        # since a check that a build is up to date needs no numpy.
        from shardmill.raw.read_idx import promised_bytes

        promised = promised_bytes
    plain = plain_copy(path, copy, encoding=encoding, md5=md5, promised=promised, on_read=tell)
    return RawContent.of(path, plain)


def _readable(content: RawContent, encoding: str | None, copies: Path) -> RawContent:
    if content.path.is_dir():
        return content
    copy = copy_in(copies, content.path)
    if content.readable == content.path and not is_plain(content.path, encoding):
        plain = plain_copy(content.path, copy, encoding=encoding)
        if plain.sha256 != content.sha256:
            raise changed_error(content.path)
        content = replace(content, readable=plain.path)
    if encoding is not None:
        return content
    unpacked = content.unpacked(copy)
    if unpacked.readable != content.readable:
        check_same(content)
    return unpacked


def copy_in(folder: Path, path: Path) -> Path:
    """Return where in a folder the plain copy of a raw file is."""
    return folder / hashlib.sha256(str(path).encode()).hexdigest()


def _encodings(recipe: AnyRecipe) -> dict[str, str]:
    """Return the encoding of each raw file of rows that is text, by its path in the recipe."""
    encodings = {file.path: recipe.encoding(file) for file in recipe.row_files()}
    return {path: encoding for path, encoding in encodings.items() if encoding is not None}
