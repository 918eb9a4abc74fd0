"""`shardmill train`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.complete import complete_loggers, complete_models, complete_settings
from shardmill.cli.path_types import Anywhere, Here
from shardmill.urls import PathOrUrl, is_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardmill.cli.run_training import NamedArtifact

LOGGERS = ("csv", "tensorboard", "wandb")


def _words(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:  # noqa: ARG001
    return tuple(name.strip() for name in (value or "").split(",") if name.strip())


def _loggers(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    names = _words(ctx, param, value)
    for name in names:
        if name not in LOGGERS:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(LOGGERS)}.", ctx, param)
    return names


def _refuse_twins(artifacts: "Sequence[NamedArtifact]") -> None:
    names = [artifact.name for artifact in artifacts]
    if twice := [artifact for artifact in artifacts if names.count(artifact.name) > 1]:
        listed = " and ".join(str(artifact.place) for artifact in twice)
        raise click.UsageError(f"{listed} would have the same folder for their runs.")


_EXAMPLES = examples(
    "shardmill train titanic --epochs 20",
    "shardmill train mnist --set epochs=5 --log tensorboard",
    "shardmill train s3://bucket/titanic",
)


@click.command("train", cls=Command, epilog=_EXAMPLES)
@options.names
@options.artifacts
@click.option(
    "--out",
    type=Here("Train into a folder, and `shardmill push` the model.", file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="The folder in which each run gets a folder of its own.",
)
@click.option(
    "--settings",
    type=Here("Settings are read from a file of this machine.", dir_okay=False),
    help="A TOML file with a table of settings for each kind or artifact.",
)
@click.option(
    "--set",
    "words",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=complete_settings,
    help="One setting, as in early_stopping.patience=3. It overrides the file.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="How often to go through the train split.  [default: as often as the baseline]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="The seed of weights, order and dropout.  [default: 0]",
)
@click.option(
    "--devices",
    type=click.IntRange(min=1),
    help="How many GPUs train, or how many CPU processes if there is no GPU. Under torchrun it is "
    "the number of its processes.  [default: 1]",
)
@click.option(
    "--log",
    "loggers",
    callback=_loggers,
    metavar="NAME[,NAME]",
    shell_complete=complete_loggers,
    help="Loggers to use in addition to csv: tensorboard, wandb.",
)
@click.option(
    "--from",
    "start",
    type=Anywhere(),
    metavar="MODEL",
    shell_complete=complete_models,
    help="A saved model to start from, such as mnist, runs/mnist/model or a URL. Its head is new "
    "if the target is another one.",
)
@click.option(
    "--freeze",
    callback=_words,
    metavar="PART[,PART]",
    help="Parts of that model that do not train: backbone, or parts of it.",
)
@click.option(
    "--resume", is_flag=True, help="Continue from the last checkpoint, with its settings."
)
@options.cache
@options.as_json
@options.quiet
def command(
    names: tuple[str, ...],
    artifacts: PathOrUrl,
    out: Path,
    settings: Path | None,
    words: tuple[str, ...],
    epochs: int | None,
    seed: int | None,
    devices: int | None,
    loggers: tuple[str, ...],
    start: PathOrUrl | None,
    freeze: tuple[str, ...],
    resume: bool,
    cache: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train a baseline on artifacts.

    ARTIFACT is a name, a folder or a URL, whose shards are brought into a cache. Without one, a
    baseline is trained on every artifact. If the folder of a run holds a finished run, that run is
    moved to `previous` in the same folder first.
    """
    from shardmill.cli.output import require_libraries
    from shardmill.format.near_artifacts import artifacts_in
    from shardmill.named import find_model

    require_libraries("training", ["lightning", "torchmetrics"], "shardmill[train]")
    from shardmill.cli.run_training import Changes, Trainings, finish, look_up, read_given
    from shardmill.format.find_artifacts import find_artifacts
    from shardmill.training.run.ranks import is_first_rank
    from shardmill.training.settings.load_settings import load_settings_file

    found = [look_up(place, cache) for place in find_artifacts(artifacts, names)]
    _refuse_twins(found)
    near = () if is_url(artifacts) else artifacts_in(Path(artifacts))
    known = [artifact.name for artifact in (*near, *found)]
    if start is not None:
        start = find_model(start, out) or start
    tables = load_settings_file(settings, known) if settings else {}
    given = read_given(words, devices=devices, loggers=loggers, start=start, freeze=freeze)
    first = is_first_rank()  # one of all ranks speaks for all
    trainings = Trainings(
        out, Changes(tables, given), seed, epochs, cache, resume=resume, quiet=quiet or not first
    )
    for artifact in found:
        trainings.train(artifact, is_only_one=len(found) == 1 or not first)
    finish(trainings, as_json=as_json and first)
