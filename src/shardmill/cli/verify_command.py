"""`shardmill verify`."""

from pathlib import Path

import click

from shardmill.cli import options


@click.command("verify")
@click.argument("artifacts", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.as_json
@options.quiet
def command(artifacts: tuple[Path, ...], as_json: bool, quiet: bool) -> None:
    """Read every file of artifacts and compare sizes, checksums and headers with the manifest."""
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
