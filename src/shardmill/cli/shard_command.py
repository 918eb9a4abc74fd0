"""`shardmill shard`."""

from typing import Any

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.run_build import build_options, run_build


@click.command("shard", cls=Command, epilog=examples("shardmill shard titanic --raw data/raw"))
@build_options
@options.rows_per_shard
def command(**given: Any) -> None:
    """Encode cleaned rows as shards, the second half of a build.

    Readers see the new shards when all of them are written. Run `shardmill clean` first.
    """
    run_build(("shard",), **given)
