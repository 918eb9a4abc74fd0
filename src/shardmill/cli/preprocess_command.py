"""`shardmill preprocess`."""

from pathlib import Path
from typing import Any

import click

from shardmill.cli import options
from shardmill.cli.run_build import build_options, run_build


@click.command("preprocess")
@build_options
@options.rows_per_shard
@click.option(
    "--sample",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to generate sample files and use them if --raw holds no raw files at all.",
)
def command(**given: Any) -> None:
    """Build artifacts from raw files, doing only what is needed.

    Without a name, all shipped recipes whose raw files are there are built.
    """
    run_build(("clean", "shard"), **given)
