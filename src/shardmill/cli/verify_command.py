"""`shardmill verify`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.urls import PathOrUrl

if TYPE_CHECKING:
    from shardmill.format.verify_artifact import Verified


_EXAMPLES = examples("shardmill verify titanic", "shardmill verify s3://bucket/titanic")


@click.command("verify", cls=Command, epilog=_EXAMPLES)
@options.names
@options.artifacts
@options.as_json
@options.quiet
def command(names: tuple[str, ...], artifacts: PathOrUrl, as_json: bool, quiet: bool) -> None:
    """Check every file of artifacts against the manifest.

    ARTIFACT is a name, a folder or a URL. Without one, all artifacts are checked.

    The command reads each file whole. It compares size, checksum and header, and looks at the
    values: ids must be in the vocabulary, labels must be classes and those of the cleaned rows,
    numbers must be finite, and rows must not overlap. All faults are listed, up to ten of an
    artifact. At a URL, it compares sizes and checksums alone, and keeps nothing.
    """
    from shardmill.cli.output import print_json
    from shardmill.format.find_artifacts import find_artifacts

    reports = _verify(find_artifacts(artifacts, names))
    if as_json:
        print_json([report.to_dict() for report in reports])
    elif not quiet:
        for report in reports:
            click.echo(
                f"{report.artifact}: {report.files} files, {report.bytes:,} bytes, all whole"
            )


def _verify(artifacts: Sequence[PathOrUrl]) -> "list[Verified]":
    """Return the reports of artifacts, or tell the faults of all that are damaged."""
    from shardmill.errors import ArtifactError, DamagedFileError
    from shardmill.format.verify_artifact import verify_artifact
    from shardmill.store.verify_url import verify_url

    reports: list[Verified] = []
    errors: list[ArtifactError] = []
    for artifact in artifacts:
        try:
            if isinstance(artifact, str):
                reports.append(verify_url(artifact))
            else:
                reports.append(verify_artifact(artifact))
        except ArtifactError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise DamagedFileError(
            ", ".join(map(str, artifacts)),
            expected=f"{len(artifacts)} whole artifacts",
            found="; ".join(f"{error.where}: {error.found}" for error in errors),
            fix="build them again with `shardmill preprocess --force`",
        )
    return reports
