"""`shardmill verify`."""

from pathlib import Path

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.complete import complete_artifact_paths


@click.command("verify", cls=Command, epilog=examples("shardmill verify artifacts/titanic"))
@click.argument(
    "artifacts",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    shell_complete=complete_artifact_paths,
)
@options.as_json
@options.quiet
def command(artifacts: tuple[Path, ...], as_json: bool, quiet: bool) -> None:
    """Check every file of artifacts against the manifest.

    The command reads each file whole. It compares size, checksum and header, and looks at the
    values: ids must be in the vocabulary, labels must be classes, and rows must not overlap.
    """
    from shardmill.cli.output import print_json
    from shardmill.format.verify_artifact import verify_artifact

    reports = [verify_artifact(artifact) for artifact in artifacts]
    if as_json:
        print_json([report.to_dict() for report in reports])
    elif not quiet:
        for report in reports:
            click.echo(
                f"{report.artifact}: {report.files} files, {report.bytes:,} bytes, all whole"
            )
