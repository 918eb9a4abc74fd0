"""`shardmill preprocess`."""

from pathlib import Path
from typing import Any

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.run_build import build_options, run_build

_EXAMPLES = examples(
    "shardmill preprocess --sample data/sample",
    "shardmill preprocess titanic bikes.toml --raw data/raw --out artifacts",
)


@click.command("preprocess", cls=Command, epilog=_EXAMPLES)
@build_options
@options.rows_per_shard
@click.option(
    "--sample",
    type=click.Path(file_okay=False, path_type=Path),
    help="If --raw holds no raw files at all, generate sample files in this folder and use them.",
)
def command(**given: Any) -> None:
    """Build artifacts from raw files, doing only what is needed.

    Without a name, every shipped recipe is built whose raw files are there.
    """
    run_build(("clean", "shard"), **given)
