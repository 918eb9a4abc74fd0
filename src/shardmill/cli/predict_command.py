"""`shardmill predict`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shardmill.cli import options

if TYPE_CHECKING:
    from shardmill.training.write_predictions import OutputFormat


@click.command("predict")
@options.model
@click.argument("input", type=click.Path(allow_dash=True))
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl", "parquet"]),
    help="Of the output.  [default: by the ending of --out, else csv]",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write, put in place when it is whole.  [default: stdout]",
)
@click.option("--all", "all_classes", is_flag=True, help="A column for each class besides.")
@options.batch_size
def command(
    folder: Path,
    input: str,  # noqa: A002  the name of the argument
    form: "OutputFormat | None",
    out: Path | None,
    all_classes: bool,
    batch_size: int,
) -> None:
    """Predict the classes of raw rows with a model that `shardmill train` has saved in FOLDER.

    INPUT is a raw file like those of the model's recipe: a CSV of its columns, where the target may
    be missing, or an IDX file of images, compressed or not; or - for texts on stdin, one a line.
    """
    from shardmill.cli.output import open_binary
    from shardmill.pipeline.raw_batches import raw_batches, text_batches
    from shardmill.training.load_model import load_model
    from shardmill.training.write_predictions import output_format, write_predictions

    model = load_model(folder)
    if input == "-":
        batches = text_batches(model.preprocessor, sys.stdin.buffer, batch_size, layout="bag")
    else:
        batches = raw_batches(model.preprocessor, Path(input), batch_size, layout="bag")
    with open_binary(out) as file:
        write_predictions(
            map(model.probabilities, batches),
            model.classes,
            file,
            form=form or output_format(out),
            all_classes=all_classes,
        )
