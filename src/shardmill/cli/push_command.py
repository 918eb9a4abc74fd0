"""`shardmill push`."""

from pathlib import Path

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.complete import complete_artifacts

_EXAMPLES = examples(
    "shardmill push titanic s3://bucket/titanic",
    "shardmill push artifacts/titanic /mnt/shared/titanic",
)


@click.command("push", cls=Command, epilog=_EXAMPLES)
@click.argument("artifact", shell_complete=complete_artifacts)
@click.argument("url")
@options.artifacts
@click.option("--force", is_flag=True, help="Send files that are there already, too.")
@options.as_json
@options.quiet
def command(
    artifact: str, url: str, artifacts: Path, force: bool, as_json: bool, quiet: bool
) -> None:
    """Put an artifact at a URL, or into another folder.

    URL is the place of the artifact itself. Its files are sent first, and its manifest last, so
    readers see what was there or what is there now. If somebody else pushes to the same place
    meanwhile, one of both wins, and the other one is told.
    """
    from shardmill.cli.output import print_json
    from shardmill.cli.progress_bars import progress_bars
    from shardmill.format.find_artifacts import find_artifacts
    from shardmill.store.push_artifact import push_artifact

    found = find_artifacts(artifacts, [artifact])
    if len(found) != 1:
        raise click.UsageError(f"URL is the place of one artifact, and these are {len(found)}.")
    with progress_bars(quiet=quiet) as calls:
        pushed = push_artifact(found[0], url, force=force, progress=calls.progress)
    if as_json:
        print_json(pushed.to_dict())
    elif not quiet:
        sent = f"{pushed.files:,} files, {pushed.bytes:,} bytes sent"
        click.echo(f"{pushed.url}: {pushed.status}, {sent}")
