"""Runs the trainings of `shardmill train`, one for each artifact."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shardmill.cli.path_types import cache_for
from shardmill.errors import ShardmillError
from shardmill.urls import PathOrUrl, is_url

if TYPE_CHECKING:
    from shardmill.format.manifest import Manifest, SplitRecord
    from shardmill.training.run.report_epochs import Report
    from shardmill.training.run.train_artifact import Result


@dataclass(frozen=True, slots=True)
class NamedArtifact:
    """An artifact to train on.

    Attributes:
        place: Its folder or its URL.
        name: The name of its folder, or for a URL the one that its manifest says.
    """

    place: PathOrUrl
    name: str


def look_up(place: PathOrUrl, cache: Path | None) -> NamedArtifact:
    """Return an artifact to train on.

    Args:
        place: Its folder or its URL.
        cache: The folder into which files of a URL are brought; None for the user's own.

    Raises:
        ArtifactError: There is no artifact at the URL, or its manifest is damaged.
        StorageError: The storage at the URL refused or failed.
    """
    if is_url(place):
        return NamedArtifact(place, _manifest(place, cache).name)
    return NamedArtifact(place, Path(place).resolve().name)


def _manifest(place: PathOrUrl, cache: Path | None) -> "Manifest":
    from shardmill.datasets.open_artifact import open as open_split

    return open_split(place, cache=cache_for(place, cache)).manifest


@dataclass(frozen=True, slots=True)
class Changes:
    """What changes the settings of a baseline, from the least to the most important.

    Attributes:
        tables: The tables of a settings file, by the name of a kind or an artifact.
        given: What the command line gave, as nested tables.
    """

    tables: Mapping[str, Mapping[str, Any]]
    given: Mapping[str, Any]

    def of(self, manifest: "Manifest") -> dict[str, Any]:
        """Return the changes for one artifact, as nested tables."""
        from shardmill.training.settings.load_settings import changes_for

        return changes_for(manifest, self.tables, self.given)


def read_given(
    words: Sequence[str],
    *,
    devices: int | None,
    loggers: Sequence[str],
    start: PathOrUrl | None,
    freeze: Sequence[str],
) -> dict[str, Any]:
    """Return the settings that options of the command line give, as nested tables.

    Args:
        words: The values of --set, each KEY=VALUE.
        devices: How many devices train, or None if the option was not given.
        loggers: The names of the loggers to turn on.
        start: The folder or the URL of a saved model to start from, or None.
        freeze: The parts of that model that do not train.

    Raises:
        SettingsError: One of `words` is not KEY=VALUE.
    """
    from shardmill.training.settings.load_settings import merge, parse_changes

    all_words = [*words, *(f"log.{name}=true" for name in loggers)]
    if devices is not None:
        all_words.append(f"devices={devices}")
    transfer: dict[str, Any] = {}
    if start is not None:
        transfer["model"] = str(start)
    if freeze:
        transfer["freeze"] = tuple(freeze)
    given = parse_changes(all_words)
    return merge(given, {"transfer": transfer}) if transfer else given


@dataclass(slots=True)
class Trainings:
    """Trains on one artifact after the other, and goes on after one that fails.

    Attributes:
        out: The folder of the runs.
        changes: What changes the baselines' settings.
        seed: The seed of all random choices, or None for the settings' own.
        epochs: How many epochs to train, or None for the settings' own.
        cache: The folder into which files of URLs are brought; None for the user's own.
        resume: Whether to go on from the last checkpoints.
        quiet: Whether to print no progress.
        results: The results of the runs that succeeded.
        failures: The errors of the runs that failed.
    """

    out: Path
    changes: Changes
    seed: int | None
    epochs: int | None
    cache: Path | None
    resume: bool
    quiet: bool
    results: list["Result"] = field(default_factory=list)
    failures: list[ShardmillError] = field(default_factory=list)

    def train(self, artifact: NamedArtifact, *, is_only_one: bool) -> None:
        """Train on one artifact, and keep its result or its failure.

        An error that is no `ShardmillError`, an interrupt for instance, is raised again with a
        note that says how to go on with the run.

        Args:
            artifact: The artifact.
            is_only_one: Whether no other artifact is trained on. Otherwise a failure is printed
                at once, as the others still train.
        """
        from shardmill.cli.bring_splits import bring_splits
        from shardmill.cli.print_training import way_to_go_on
        from shardmill.training.run.train_artifact import RunOptions, train_artifact

        if not self.quiet:
            click.echo(f"training on {artifact.place}", err=True)
        options = RunOptions(
            self.changes.of(_manifest(artifact.place, self.cache)),
            resume=self.resume,
            report=_report(quiet=self.quiet),
            cache=None if self.cache is None else str(self.cache),
        )
        try:
            bring_splits(artifact.place, self.cache, _is_read, quiet=self.quiet)
            result = train_artifact(
                artifact.place, self.out, seed=self.seed, epochs=self.epochs, options=options
            )
        except ShardmillError as error:
            self.failures.append(error)
            if not is_only_one:
                click.echo(f"not trained: {error}", err=True)
        except BaseException as error:
            error.add_note(way_to_go_on(artifact.place, artifact.name, self.out))
            raise
        else:
            self.results.append(result)


def _is_read(name: str, split: "SplitRecord") -> bool:
    return name == "train" or split.labelled


def finish(trainings: Trainings, *, as_json: bool) -> None:
    """Print the results of all trainings, and raise the first failure if there was one.

    Raises:
        ShardmillError: A training failed.
    """
    from shardmill.cli.output import print_json
    from shardmill.cli.print_training import print_results

    if as_json:
        print_json([result.to_dict() for result in trainings.results])
    elif trainings.results and not trainings.quiet:
        print_results(trainings.results)
    if trainings.failures:
        raise trainings.failures[0]


def _report(*, quiet: bool) -> "Report":
    """Return how a run reports its progress: by a bar on a terminal, by lines elsewhere."""
    if quiet:
        return "nothing"
    return "bar" if sys.stderr.isatty() else "lines"
