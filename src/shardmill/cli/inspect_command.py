"""`shardmill inspect`."""

from pathlib import Path

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.complete import complete_artifact_paths


@click.command("inspect", cls=Command, epilog=examples("shardmill inspect artifacts/titanic"))
@click.argument("artifact", type=click.Path(path_type=Path), shell_complete=complete_artifact_paths)
@options.as_json
def command(artifact: Path, as_json: bool) -> None:
    """Show what an artifact holds.

    The command lists its splits, fields, classes, statistics and raw files.
    """
    from shardmill.cli.output import print_json
    from shardmill.format.describe_artifact import describe, describe_lines
    from shardmill.format.manifest import Manifest
    from shardmill.format.read_checked import read_raw_records

    manifest = Manifest.load(artifact)
    facts = describe(manifest, read_raw_records(artifact, manifest))
    if as_json:
        print_json(facts)
        return
    for line in describe_lines(facts):
        click.echo(line)
