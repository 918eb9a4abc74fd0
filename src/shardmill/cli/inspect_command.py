"""`shardmill inspect`."""

from pathlib import Path

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples


@click.command("inspect", cls=Command, epilog=examples("shardmill inspect titanic"))
@options.names
@options.artifacts
@options.as_json
def command(names: tuple[str, ...], artifacts: Path, as_json: bool) -> None:
    """Show what an artifact holds.

    The command lists its splits, fields, classes, statistics and raw files. ARTIFACT is a name or a
    folder. Without one, all artifacts are shown, and --json prints a list.
    """
    from shardmill.cli.output import print_json
    from shardmill.format.describe_artifact import describe, describe_lines
    from shardmill.format.find_artifacts import find_artifacts
    from shardmill.format.manifest import Manifest
    from shardmill.format.read_checked import read_raw_records

    described = []
    for artifact in find_artifacts(artifacts, names):
        manifest = Manifest.load(artifact)
        described.append(describe(manifest, read_raw_records(artifact, manifest)))
    if as_json:
        print_json(described[0] if len(names) == len(described) == 1 else described)
        return
    for facts in described:
        for line in describe_lines(facts):
            click.echo(line)
