"""`shardmill pull`."""

from pathlib import Path

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples


@click.command("pull", cls=Command, epilog=examples("shardmill pull s3://bucket/titanic"))
@click.argument("url")
@options.out
@options.as_json
@options.quiet
def command(url: str, out: Path, as_json: bool, quiet: bool) -> None:
    """Bring an artifact from a URL into a folder of its name.

    Every file is compared with its checksum before it takes its place, and so are files that are
    there already. What an interrupted pull has brought, the next one goes on from.
    """
    from shardmill.cli.output import print_json
    from shardmill.cli.progress_bars import progress_bars
    from shardmill.store.pull_artifact import pull_artifact

    with progress_bars(quiet=quiet) as calls:
        folder = pull_artifact(url, out, progress=calls.progress)
    if as_json:
        print_json({"url": url, "artifact": str(folder)})
    elif not quiet:
        click.echo(f"{folder}: pulled from {url}")
