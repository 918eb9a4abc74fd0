"""Builds an artifact from rows that a program gives: `shardmill.build`."""

import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from shardmill.errors import GivenRowError, ShardmillError
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.pipeline.builds.rows_recipe import rows_recipe

if TYPE_CHECKING:
    import pandas as pd

    from shardmill.pipeline.builds.given_batches import ArrowStream, FormattedRows

    SplitRows = pd.DataFrame | ArrowStream | FormattedRows | Iterable[Mapping[str, Any]]


def build(
    rows: "SplitRows | Mapping[str, SplitRows]",
    *,
    recipe: str | os.PathLike[str] | Mapping[str, Any],
    out: str | os.PathLike[str] = "artifacts",
    rows_per_shard: int | None = None,
    workers: int | None = None,
    force: bool = False,
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
        recipe: A path that ends in .toml, the name of a recipe as the command takes it, or a
            mapping of the keys of a recipe. Each split with rows gets them, whatever files the
            recipe names. So `splits` may be missing, or hold only what is held out. Splits with
            files, but without rows, are left out.
        out: The folder of the artifacts.
        rows_per_shard: How many rows a shard has, before it is rounded up to page borders; None for
            the default of the format.
        workers: How many processes work at the same time; None for as many as the size of the rows
            makes worthwhile.
        force: Whether to build even if nothing has changed.

    Raises:
        RecipeError: There is no such recipe, or it has faults.
        InputError: The rows are not what the recipe says. The message names the row and column.
        OutputError: A folder cannot be written.
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
    splits = rows if isinstance(rows, Mapping) else {"train": rows}
    made = rows_recipe(recipe, tuple(map(str, splits)))
    options = BuildOptions(Path(out), workers=workers, rows_per_shard=rows_per_shard, force=force)
    with TemporaryDirectory(prefix="shardmill-") as name:
        # Imported here, since wrong recipes need no Arrow.
        from shardmill.pipeline.builds.given_tables import given_tables
        from shardmill.pipeline.builds.write_given import write_given

        folder = Path(name)
        for split, of_split in splits.items():
            with _errors_name_rows(folder, str(split)):
                write_given(given_tables(made, str(split), of_split), folder / f"{split}.arrow")
        with _errors_name_rows(folder):
            (outcome,) = build_artifacts(Sources((made,), folder), options)
    for note in outcome.notes:
        warnings.warn(f"{outcome.name}: {note}", stacklevel=2)
    return outcome.artifact


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
        file = re.compile(re.escape(f"{folder}{os.sep}") + r"([\w-]+)\.arrow")
        is_row = isinstance(error, GivenRowError) and split
        place = f"the rows of {split}, {error.where}".removesuffix(", the rows")
        where = place if is_row else error.where
        where, expected, found, fix = (
            file.sub(r"the rows of \1", text)
            for text in (where, error.expected, error.found, error.fix)
        )
        fix = fix.replace("correct the file", "correct the rows")
        again = type(error)(where, expected=expected, found=found, fix=fix)
        vars(error).update(vars(again))
        error.args = again.args
        raise
