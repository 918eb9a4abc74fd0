"""Makes a recipe for rows that a program gives without one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shardmill.errors import RecipeError, UnclearFilesError
from shardmill.pipeline.builds.untold_tables import untold_tables
from shardmill.pipeline.builds.write_given import write_given
from shardmill.pipeline.infer.inferred import Inferred

_SPLITS = ("train", "validation", "test")


def check_recipe_or_name(recipe: Any, *, name: str | None, target: str | None) -> None:
    """Check that there is a recipe, or the name of a dataset to make one for, and not both.

    Raises:
        RecipeError: It is not so.
    """
    if recipe is None and name is None:
        raise RecipeError(
            "recipe",
            expected="a recipe, or the name of the dataset that one is made for",
            found="neither",
            fix='give recipe="...", or name="..." and target="..."; '
            "`shardmill recipe infer` writes a recipe for a file",
        )
    if recipe is not None and (name is not None or target is not None):
        raise RecipeError(
            "recipe",
            expected="a recipe, or a name and target to make one",
            found="both",
            fix="leave name and target out: the recipe says them itself",
        )


def infer_rows(
    splits: Mapping[str, Any], folder: Path, *, name: str, target: str | None
) -> Inferred:
    """Write the rows of each split to the file NAME.arrow, and return a recipe for these files.

    Args:
        splits: The rows by split; see `given_batches`.
        folder: The folder of the files.
        name: The name of the dataset.
        target: The column of the target; None to find it by its name.

    Raises:
        UnclearFilesError: The rows do not say what a recipe must say.
        InputError: The rows are no rows.
        OutputError: A file cannot be written.
    """
    if "train" not in splits or not {*_SPLITS}.issuperset(splits):
        raise UnclearFilesError(
            "the rows",
            expected="train, and perhaps validation and test, to make a recipe",
            found=", ".join(map(str, splits)) or "no split",
            fix="name the splits so, or give a recipe",
        )
    files = [folder / f"{split}.arrow" for split in splits]
    for file, (split, rows) in zip(files, splits.items(), strict=True):
        write_given(untold_tables(split, rows), file)
    from shardmill.pipeline.infer.infer_table import infer_table  # slow to import

    return infer_table(files, target=target, name=name)
