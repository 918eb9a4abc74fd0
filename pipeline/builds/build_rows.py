"""Builds an artifact from rows that a program gives: `shardmill.build`."""

import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from shardmill.errors import GivenRowError, ShardmillError, UnsupportedStorageError
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.pipeline.builds.infer_rows import check_recipe_or_name, infer_rows
from shardmill.pipeline.builds.rows_recipe import rows_recipe
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.recipe.text_recipe import TextRecipe
from shardmill.urls import is_url, url_meant

if TYPE_CHECKING:
    import pandas as pd

    from shardmill.pipeline.builds.given_batches import ArrowStream, FormattedRows

    SplitRows = pd.DataFrame | ArrowStream | FormattedRows | Iterable[Mapping[Any, Any]]

_WORDS = {
    "correct the file": "correct the rows",
    "no file is called": "there are no rows called",
    "with --target": "by target=",
}


class RowsOptions(TypedDict, total=False):
    """How to build; see `BuildOptions`."""

    rows_per_shard: int | None
    workers: int | None
    force: bool


def build(
    rows: "SplitRows | Mapping[str, SplitRows]",
    *,
    recipe: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    out: str | os.PathLike[str] = "artifacts",
    name: str | None = None,
    target: str | None = None,
    **options: Unpack[RowsOptions],
) -> Path:
    """Build an artifact of a table or of texts from rows in memory, and return its folder.

    Cells mean what they mean to `Preprocessor`. The rows are written to files in a temporary
    folder, a batch at a time, and built like any files. Only what is needed is done, as by
    `shardmill preprocess`. What its command would note is a warning.

    Args:
        rows: A pandas DataFrame, an Arrow table or reader, a frame of polars, a `Dataset` of
            Hugging Face, or an iterable of dicts, which is read once and never held as a whole.
            Such rows are the split train. Several splits are a mapping of names to rows. The index
            of a DataFrame is left out.
        recipe: A path or URL that ends in .toml, the name of a recipe as the command takes it, or a
            mapping of the keys of a recipe. Each split with rows gets them, whatever files the
            recipe names. So `splits` may be missing, or hold only what is held out. Splits with
            files, but without rows, are left out.
        out: The folder of the artifacts.
        name: The name of the dataset, if there is no recipe. Then one is made from all rows, as by
            `shardmill recipe infer`. What it only guesses is a warning.
        target: The column of the target, if there is no recipe; None to find it by its name.
        options: `rows_per_shard` says how many rows a shard has, before it is rounded up to page
            borders. `workers` says how many processes work at the same time. None, as if the option
            is not there, stands for a good number. With `force`, the artifact is built even if
            nothing has changed.

    Raises:
        RecipeError: There is no such recipe, or it has faults.
        UnclearFilesError: There is no recipe, and the rows do not say what it must say.
        InputError: The rows are not what the recipe says. The message names the row and column.
        OutputError: A folder cannot be written.
        UnsupportedStorageError: The folder is a URL.
        LockedError: Another process is building the artifact.

    Example:
        >>> recipe = {"name": "toy", "kind": "tabular"}
        >>> recipe["columns"] = {"size": {"dtype": "float64"}, "kind": {"dtype": "str"}}
        >>> recipe["target"] = {"column": "kind", "classes": ["cat", "dog"]}
        >>> rows = [{"size": 0.4, "kind": "cat"}, {"size": 0.9, "kind": "dog"}]
        >>> x, y = shardmill.open(shardmill.build(rows, recipe=recipe, out="toys"))[:]
        >>> y
        tensor([0, 1])
    """
    check_recipe_or_name(recipe, name=name, target=target)
    if is_url(out) or url_meant(out) is not None:
        raise UnsupportedStorageError(
            out,
            expected="a folder of this machine, to build in",
            found="a URL",
            fix="build into a folder, and send the artifact by `shardmill push`",
        )
    splits = rows if isinstance(rows, Mapping) else {"train": rows}
    known = None if recipe is None else rows_recipe(recipe, tuple(map(str, splits)))
    made: AnyRecipe
    notes: list[str] = []
    with TemporaryDirectory(prefix="shardmill-") as scratch:
        folder = Path(scratch)
        if known is None:
            with _errors_name_rows(folder):
                inferred = infer_rows(splits, folder, name=str(name), target=target)
            made = parse_recipe(inferred.text, where=f"the recipe of {name}")
            notes = [f"{place}: {_of_rows(why, folder)}" for place, why in inferred.doubts]
        else:
            made = known
            _write(known, splits, folder)
        with _errors_name_rows(folder):
            wanted = BuildOptions(Path(out), **options)
            (outcome,) = build_artifacts(Sources((made,), folder), wanted)
    for note in (*notes, *outcome.notes):
        warnings.warn(f"{outcome.name}: {note}", stacklevel=2)
    return outcome.artifact


def _write(
    recipe: TabularRecipe | TextRecipe, splits: Mapping[str, "SplitRows"], folder: Path
) -> None:
    # Imported here, since wrong recipes need no Arrow.
    from shardmill.pipeline.builds.given_tables import given_tables
    from shardmill.pipeline.builds.write_given import write_given

    for split, rows in splits.items():
        with _errors_name_rows(folder, str(split)):
            write_given(given_tables(recipe, str(split), rows), folder / f"{split}.arrow")


@contextmanager
def _errors_name_rows(folder: Path, split: str = "") -> Iterator[None]:
    """Let errors name the rows in place of a file that will be gone.

    Args:
        folder: The folder of the files.
        split: The split whose rows are read, which know only their numbers.
    """
    try:
        yield
    except ShardmillError as error:
        is_row = isinstance(error, GivenRowError) and split
        place = f"the rows of {split}, {error.where}".removesuffix(", the rows")
        error.where = place if is_row else error.where
        error.reword(lambda text: _of_rows(text, folder))
        raise


def _of_rows(text: str, folder: Path) -> str:
    """Return a text about files as one about rows."""
    text = re.sub(re.escape(f"{folder}{os.sep}") + r"([\w-]+)\.arrow", r"the rows of \1", text)
    for of_files, of_rows in _WORDS.items():
        text = text.replace(of_files, of_rows)
    return text
