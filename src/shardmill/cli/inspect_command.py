"""`shardmill inspect`."""

from pathlib import Path

import click

from shardmill.cli import options


@click.command("inspect")
@click.argument("artifact", type=click.Path(path_type=Path))
@options.as_json
def command(artifact: Path, as_json: bool) -> None:
    """Show what an artifact holds: splits, fields, classes, statistics, raw files."""
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
