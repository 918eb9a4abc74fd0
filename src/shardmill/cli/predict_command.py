"""`shardmill predict`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.errors import OutputError

if TYPE_CHECKING:
    from shardmill.training.saved.write_predictions import OutputFormat

FORMATS = ("csv", "jsonl", "parquet")


_EXAMPLES = examples(
    "shardmill predict runs/titanic/model new.csv --out predictions.parquet",
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
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write. It takes its place when it is whole.  [default: stdout]",
)
@click.option("--all", "all_classes", is_flag=True, help="Write a column for each class, too.")
@options.batch_size
@options.quiet
def command(
    folder: Path,
    input: str,  # noqa: A002  the name of the argument
    form: "OutputFormat | None",
    out: Path | None,
    all_classes: bool,
    batch_size: int,
    quiet: bool,
) -> None:
    """Predict the classes of raw rows with a saved model.

    FOLDER is a model that `shardmill train` has saved. INPUT is a raw file like those of its
    recipe: a CSV file with the same columns, in which the target may be missing, or an IDX file of
    images. It may be compressed. INPUT may also be - for texts on stdin, one on each line.
    """
    form = form or _format(out)
    if out is None and form == "parquet" and sys.stdout.isatty():
        raise click.UsageError("parquet is not for a terminal: name a file with --out.")
    _check_other_file(input, out)
    from shardmill.cli.output import open_binary
    from shardmill.serve.raw_batches import raw_batches, text_batches
    from shardmill.training.saved.load_model import load_model
    from shardmill.training.saved.write_predictions import write_predictions

    model = load_model(folder)
    if input == "-":
        batches = text_batches(model.preprocessor, sys.stdin.buffer, batch_size, layout="bag")
    else:
        batches = raw_batches(model.preprocessor, Path(input), batch_size, layout="bag")
    with open_binary(out) as file:
        rows = write_predictions(
            map(model.probabilities, batches),
            model.classes,
            file,
            form=form,
            all_classes=all_classes,
        )
    if not quiet and (out is not None or rows == 0):
        noun = "row" if rows == 1 else "rows"
        click.echo(f"wrote {rows:,} {noun} to {out or 'stdout'}", err=True)


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
