"""`shardmill clean`."""

from typing import Any

import click

from shardmill.cli.command import Command, examples
from shardmill.cli.run_build import build_options, run_build


@click.command("clean", cls=Command, epilog=examples("shardmill clean titanic --raw data/raw"))
@build_options
def command(**given: Any) -> None:
    """Clean raw files into Parquet, the first half of a build.

    Readers of the artifact see no change until `shardmill shard` has run, too.
    """
    run_build(("clean",), **given)
