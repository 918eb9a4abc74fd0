"""`shardmill shard`."""

from typing import Any

import click

from shardmill.cli import options
from shardmill.cli.run_build import build_options, run_build


@click.command("shard")
@build_options
@options.rows_per_shard
def command(**given: Any) -> None:
    """Encode cleaned rows as shards and let readers see them. Needs `shardmill clean` first."""
    run_build(("shard",), **given)
