"""Leaves out the optional splits of a recipe whose raw files are missing."""

from collections.abc import Sequence
from pathlib import Path

from shardmill.errors import FileTakenTwiceError, MissingRawFileError
from shardmill.faults import closest
from shardmill.raw.entry_names import COMPRESSED_SUFFIXES
from shardmill.raw.raw_files import RawFiles
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.splits import ImageFolder, RawFile


def present_recipe(recipe: AnyRecipe, raw: RawFiles) -> AnyRecipe:
    """Return a recipe without the optional splits that have no raw file.

    Args:
        recipe: The recipe as the user wrote it.
        raw: The raw files of the recipe.

    Raises:
        MissingRawFileError: A file of another split is missing.
        FileTakenTwiceError: Two entries of the recipe take in one file, or a pattern takes in one
            file both compressed and not.
    """
    absent = {
        name
        for name, split in recipe.splits.items()
        if split.optional and not raw.any_of(split.files())
    }
    splits = {
        name: split
        for name, split in recipe.splits.items()
        if name not in absent and (split.hold_out is None or split.hold_out.split not in absent)
    }
    if "train" not in splits:
        raise MissingRawFileError(
            raw.folder,
            expected="the raw files of the split train, which statistics come from",
            found="none",
            fix="check --raw",
        )
    recipe = recipe.model_copy(update={"splits": splits})
    for file in recipe.files():
        _check_present(raw, file)
    _check_distinct(raw, recipe.files())
    return recipe


def _check_distinct(raw: RawFiles, files: Sequence[RawFile]) -> None:
    """Refuse patterns by which some row would be read twice."""
    entries: dict[Path, tuple[RawFile, Path]] = {}
    for file in files:
        for found_file in raw.of(file):
            path = found_file.path
            plain = path.with_suffix("") if path.suffix in COMPRESSED_SUFFIXES else path
            other, found = entries.setdefault(plain, (file, path))
            if found != path or (other is not file and (other.is_pattern or file.is_pattern)):
                raise FileTakenTwiceError(
                    path,
                    expected="a raw file that one entry of the recipe takes in, once",
                    found=f"{found.name}, which {other.path} has taken in"
                    if found != path
                    else f"one that {other.path} and {file.path} both take in",
                    fix="correct the patterns, or move a file out of the folder",
                )


def _check_present(raw: RawFiles, file: RawFile) -> None:
    if raw.of(file):
        return
    expected = raw.folder / file.path
    there = sorted(p.name for p in expected.parent.glob("*"))
    close = closest(expected.name, [name for name in there if name != expected.name])
    found = "none" if close is None else f"{close} beside it"
    if isinstance(file, ImageFolder) and expected.is_dir():
        found = "one without images"
    fetch = "run `shardmill fetch`, or " if file.urls else ""
    raise MissingRawFileError(
        expected,
        expected="a folder of images" if isinstance(file, ImageFolder) else "a raw file",
        found=found,
        fix=f"{fetch}check --raw, and the path in the recipe",
    )
