"""Finds out which splits of a recipe there are raw files for."""

import difflib
from pathlib import Path

from shardmill.errors import MissingRawFileError
from shardmill.pipeline.raw_files import expand_raw
from shardmill.recipe import AnyRecipe
from shardmill.recipe_tables import RawFile


def has_raw(recipe: AnyRecipe, raw: Path) -> bool:
    """Say whether at least one raw file of the recipe is in the folder."""
    files = [file for split in recipe.splits.values() for file in split.files()]
    return any(expand_raw(raw, file) for file in files)


def present_recipe(recipe: AnyRecipe, raw: Path) -> AnyRecipe:
    """Return a recipe without the optional splits whose files are not there.

    Raises:
        MissingRawFileError: a file of another split is missing.
    """
    absent = {
        name
        for name, split in recipe.splits.items()
        if split.optional and not all(expand_raw(raw, file) for file in split.files())
    }
    splits = {
        name: split
        for name, split in recipe.splits.items()
        if name not in absent and (split.hold_out is None or split.hold_out.split not in absent)
    }
    if "train" not in splits:
        raise MissingRawFileError(
            raw,
            expected="the raw files of the split train, which statistics come from",
            found="none",
            fix="check --raw",
        )
    recipe = recipe.model_copy(update={"splits": splits})
    for file in recipe.files():
        _check_present(raw, file)
    return recipe


def _check_present(raw: Path, file: RawFile) -> None:
    if expand_raw(raw, file):
        return
    expected = raw / file.path
    there = sorted(p.name for p in expected.parent.glob("*"))
    close = difflib.get_close_matches(expected.name, there, n=1)
    fetch = "run `shardmill fetch`, or " if file.urls else ""
    raise MissingRawFileError(
        expected,
        expected="a raw file",
        found=f"{close[0]} beside it" if close else "none",
        fix=f"{fetch}check --raw",
    )
