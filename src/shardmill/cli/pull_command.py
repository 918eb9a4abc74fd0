"""`shardmill pull`."""

from pathlib import Path

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.path_types import Here
from shardmill.errors import CredentialsError, MissingArtifactError
from shardmill.named import RUNS

# S3 answers 403 for what is not there, if one may not list the bucket.
_NO_ARTIFACT = (MissingArtifactError, CredentialsError)


@click.command("pull", cls=Command, epilog=examples("shardmill pull s3://bucket/titanic"))
@click.argument("url")
@click.option(
    "--out",
    type=Here("`shardmill push` a folder there.", file_okay=False),
    help="The folder in which the artifact or the model gets a folder.  [default: artifacts, or "
    "runs for a model]",
)
@options.as_json
@options.quiet
def command(url: str, out: Path | None, as_json: bool, quiet: bool) -> None:
    """Bring an artifact or a model from a URL into a folder.

    A model comes to OUT/NAME/model, as if it had been trained here on the artifact NAME. Another
    model that is there is never replaced.

    Every file is compared with its checksum before it takes its place, and so are files that are
    there already. What an interrupted pull has brought, the next one goes on from.
    """
    from shardmill.cli.output import print_json
    from shardmill.cli.progress_bars import progress_bars
    from shardmill.serve.pull_model import pull_model
    from shardmill.store.pull_artifact import pull_artifact

    kind = "artifact"
    with progress_bars(quiet=quiet) as calls:
        try:
            folder = pull_artifact(url, out or Path("artifacts"), progress=calls.progress)
        except _NO_ARTIFACT as refusal:
            try:
                folder = pull_model(url, out or RUNS, progress=calls.progress)
            except _NO_ARTIFACT:
                raise refusal from None
            kind = "model"
    if as_json:
        print_json({"url": url, kind: str(folder)})
    elif not quiet:
        click.echo(f"{folder}: pulled from {url}")
