"""`shardmill predict`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.path_types import Here
from shardmill.errors import OutputError
from shardmill.urls import PathOrUrl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardmill.raw.row_source import BadPlace
    from shardmill.serve.preprocessor import Preprocessor
    from shardmill.serve.raw_batches import RawBatch
    from shardmill.training.saved.write_predictions import OutputFormat

FORMATS = ("csv", "jsonl", "parquet")
# The exit code if rows were left out, which is no failure. Those of errors are in `errors`.
_LEFT_OUT = 10
_LISTED = 20  # so many bad rows are listed


_EXAMPLES = examples(
    "shardmill predict titanic new.csv --out predictions.parquet",
    'echo "Stocks fell." | shardmill predict runs/ag_news/model -',
)


@click.command("predict", cls=Command, epilog=_EXAMPLES)
@options.model
@click.argument("input", type=click.Path(allow_dash=True))
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="The format of the output.  [default: the ending of --out, or csv]",
)
@click.option(
    "--out",
    type=Here("Write a file, and copy it there.", dir_okay=False),
    help="The file to write. It takes its place when it is whole.  [default: stdout]",
)
@click.option("--all", "all_classes", is_flag=True, help="Write a column for each class, too.")
@click.option(
    "--keep",
    multiple=True,
    metavar="COLUMN",
    help="A column of INPUT to write beside its predictions. May be given several times.",
)
@options.batch_size
@options.runs
@options.cache
@options.quiet
def command(
    folder: PathOrUrl,
    input: str,  # noqa: A002  the name of the argument
    form: "OutputFormat | None",
    out: Path | None,
    all_classes: bool,
    keep: tuple[str, ...],
    batch_size: int,
    runs: PathOrUrl,
    cache: Path | None,
    quiet: bool,
) -> None:
    """Predict a class or a number for raw rows with a saved model.

    MODEL is a model that `shardmill train` has saved: the name or the folder of the run, its own
    folder, or a URL. INPUT is a raw file like those of its
    recipe: a CSV file with the same columns, in which the target may be missing and others may be
    there, or a file with an array of images. It may be compressed, and it may be a pipe. INPUT may
    also be an image or a folder of images, whose paths `--keep file` writes. A file may be at a
    URL, and is copied for as long as it is read. INPUT may be - for stdin: a file, or for texts one
    text on each line.

    If the recipe puts bad rows in quarantine, those of INPUT are listed, the others are predicted,
    and the exit code is 10.
    """
    form = form or _format(out)
    if out is None and form == "parquet" and sys.stdout.isatty():
        raise click.UsageError("parquet is not for a terminal: name a file with --out.")
    _check_other_file(input, out)
    from shardmill.cli.output import open_binary
    from shardmill.named import find_model
    from shardmill.training.saved.answer_columns import columns_of
    from shardmill.training.saved.load_model import load_model
    from shardmill.training.saved.write_predictions import Predicted, write_predictions

    model = load_model(find_model(folder, runs) or folder, cache=cache)
    if all_classes and not model.classes:
        raise click.UsageError("--all: the model predicts numbers, which have no classes.")
    columns = columns_of(model, all_classes=all_classes)
    _check_kept(keep, ("row", *columns.types()))
    bad: list[str] = []
    batches = _batches(model.preprocessor, input, batch_size, keep=keep, bad=bad)
    with open_binary(out) as file:
        rows = write_predictions(
            (Predicted(model.answers(b.x), b.rows, b.kept) for b in batches),
            columns,
            file,
            form=form,
            keep=keep,
        )
    if not quiet and (out is not None or rows == 0):
        noun = "row" if rows == 1 else "rows"
        click.echo(f"wrote {rows:,} {noun} to {out or 'stdout'}", err=True)
    if bad:
        _report(bad)
        click.get_current_context().exit(_LEFT_OUT)


def _batches(
    preprocessor: "Preprocessor",
    given: str,
    rows: int,
    *,
    keep: tuple[str, ...],
    bad: list[str],
) -> "Iterator[RawBatch]":
    """Yield the batches of the input. Bad rows go to `bad` if the recipe has a quarantine."""
    from shardmill.recipe.text_recipe import TextRecipe
    from shardmill.serve.raw_batches import batches_of_texts

    recipe = preprocessor.recipe
    if given == "-" and isinstance(recipe, TextRecipe):
        if keep:
            raise click.UsageError("--keep: lines of text have no columns.")
        return batches_of_texts(preprocessor, sys.stdin.buffer, rows, layout="bag")
    if keep and recipe.kind == "image" and (set(keep) != {"file"} or _is_array(given)):
        raise click.UsageError("--keep: images have no columns; images in files have `file`.")
    return _of_file(preprocessor, given, rows, keep, bad if recipe.bad_rows_allowed() else None)


def _of_file(
    preprocessor: "Preprocessor",
    given: str,
    rows: int,
    keep: tuple[str, ...],
    bad: list[str] | None,
) -> "Iterator[RawBatch]":
    from shardmill.cli.bring_input import input_here
    from shardmill.serve.raw_batches import batches_of_file

    with input_here(given) as path:

        def note(row: "BadPlace") -> None:
            if bad is not None:
                bad.append(f"{row.place}: {row.reason}".replace(str(path), given))

        on_bad = None if bad is None else note
        yield from batches_of_file(preprocessor, path, rows, layout="bag", keep=keep, on_bad=on_bad)


def _is_array(given: str) -> bool:
    """Say whether the input is one file of arrays, and not images in files of their own."""
    from shardmill.raw.image_folder import ENDINGS

    path = Path(given)
    return not path.is_dir() and path.suffix.lower() not in ENDINGS


def _check_kept(keep: tuple[str, ...], own: tuple[str, ...]) -> None:
    for name in keep:
        if name in own or keep.count(name) > 1:
            raise click.UsageError(f"--keep: a column {name!r} is written already.")


def _report(bad: list[str]) -> None:
    noun = "row is" if len(bad) == 1 else "rows are"
    click.echo(f"{len(bad):,} {noun} left out as bad:", err=True)
    for row in bad[:_LISTED]:
        click.echo(f"  {row}", err=True)
    if len(bad) > _LISTED:
        click.echo(f"  and {len(bad) - _LISTED:,} more", err=True)


def _format(out: Path | None) -> "OutputFormat":
    """Return the format that the ending of a file's name stands for; CSV if it has none."""
    ending = "" if out is None else out.suffix[1:].lower()
    if ending and ending not in FORMATS:
        known = ", ".join(FORMATS)
        raise click.UsageError(
            f"the ending of {str(out)!r} is no format, one of {known}: name it with --format."
        )
    return cast("OutputFormat", ending or "csv")


def _check_other_file(given: str, out: Path | None) -> None:
    from shardmill.cli.output import is_same_file

    # The predictions must not replace the file that they are made from.
    if out is not None and given != "-" and is_same_file(out, given):
        raise OutputError(
            out,
            expected="another file than the input",
            found="the same",
            fix="choose another file with --out",
        )
