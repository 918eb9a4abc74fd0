"""`shardmill clean`."""

from typing import Any

import click

from shardmill.cli.run_build import build_options, run_build


@click.command("clean")
@build_options
def command(**given: Any) -> None:
    """Clean raw files into Parquet, without touching what readers see."""
    run_build(("clean",), **given)
