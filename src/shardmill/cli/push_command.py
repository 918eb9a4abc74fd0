"""`shardmill push`."""

from pathlib import Path

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.complete import complete_artifacts
from shardmill.urls import PathOrUrl, is_url

_EXAMPLES = examples(
    "shardmill push titanic s3://bucket/titanic",
    "shardmill push artifacts/titanic /mnt/shared/titanic",
    "shardmill push runs/titanic/model s3://bucket/titanic-model",
)


@click.command("push", cls=Command, epilog=_EXAMPLES)
@click.argument("artifact", shell_complete=complete_artifacts)
@click.argument("url")
@options.artifacts
@click.option("--force", is_flag=True, help="Send files that are there already, too.")
@options.as_json
@options.quiet
def command(
    artifact: str, url: str, artifacts: PathOrUrl, force: bool, as_json: bool, quiet: bool
) -> None:
    """Put an artifact or a model at a URL, or into a folder.

    ARTIFACT is the name or the folder of an artifact, or the folder of a model or of its run. URL
    is the place of the artifact or the model itself. Files are sent first, and the manifest or
    model.json last, so readers see what was there or what is there now. A model that is loaded
    while another one takes its place may be an error, but never a mixture. If somebody else pushes
    to the same place meanwhile, one of both wins, and the other one is told.
    """
    from shardmill.cli.output import print_json
    from shardmill.cli.progress_bars import progress_bars
    from shardmill.named import model_in
    from shardmill.serve.push_model import push_model
    from shardmill.store.push_artifact import push_artifact

    model = None if is_url(artifact) else model_in(Path(artifact))
    with progress_bars(quiet=quiet) as calls:
        if model is not None:
            pushed = push_model(model, url, force=force, progress=calls.progress)
        else:
            found = _only(artifacts, artifact)
            pushed = push_artifact(found, url, force=force, progress=calls.progress)
    if as_json:
        print_json(pushed.to_dict())
    elif not quiet:
        sent = f"{pushed.files:,} files, {pushed.bytes:,} bytes sent"
        click.echo(f"{pushed.url}: {pushed.status}, {sent}")


def _only(artifacts: PathOrUrl, given: str) -> Path:
    """Return the folder of the one artifact that was meant."""
    from shardmill.format.find_artifacts import find_artifacts

    found = find_artifacts(artifacts, [given])
    if len(found) != 1:
        raise click.UsageError(f"URL is the place of one artifact, and these are {len(found)}.")
    if is_url(found[0]):
        raise click.UsageError(f"{found[0]} is a URL: `shardmill pull` it, and push the folder.")
    return Path(found[0])
