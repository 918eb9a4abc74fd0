"""`shardmill evaluate`."""

from pathlib import Path

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.complete import complete_artifacts
from shardmill.cli.path_types import Anywhere, Here, cache_for
from shardmill.urls import PathOrUrl

_EXAMPLES = examples(
    "shardmill evaluate mnist mnist --picture confusion.svg",
    "shardmill evaluate runs/mnist/model artifacts/mnist --split validation",
)


@click.command("evaluate", cls=Command, epilog=_EXAMPLES)
@options.model
@click.argument("artifact", type=Anywhere(), shell_complete=complete_artifacts)
@click.option(
    "--split",
    help="The split to compare with. It must have a target.  [default: test if the artifact has "
    "it with labels, else validation]",
)
@click.option(
    "--picture",
    type=Here("Write a file, and copy it there.", dir_okay=False),
    metavar="FILE.svg|png",
    help="Draw the confusion matrix into this file, or for numbers the residuals. This needs "
    "matplotlib.",
)
@options.batch_size
@options.runs
@options.artifacts
@options.cache
@options.as_json
def command(
    folder: PathOrUrl,
    artifact: PathOrUrl,
    runs: PathOrUrl,
    artifacts: PathOrUrl,
    cache: Path | None,
    split: str | None,
    picture: Path | None,
    batch_size: int,
    as_json: bool,
) -> None:
    """Compare a saved model with the labels of an artifact.

    MODEL is a model that `shardmill train` has saved: the name or the folder of the run, its own
    folder, or a URL. ARTIFACT is a name, a folder or a URL. The command prints the accuracy, the
    precision, recall and F1 of each class, and the confusion matrix, or the commonest confusions if
    the matrix has more than 20 classes or does not fit the line. For a target that is a number, it
    prints RMSE, MAE and R² beside the RMSE of the mean as a guess.
    """
    from shardmill.cli.bring_splits import bring_splits
    from shardmill.cli.output import print_json, require_libraries
    from shardmill.cli.print_models import print_evaluation

    require_libraries("evaluation", ["torchmetrics"], "shardmill[train]")
    if picture is not None:
        require_libraries("--picture", ["matplotlib"], "matplotlib")
    from shardmill.named import find_artifact, find_model
    from shardmill.training.saved.evaluate_model import default_split, evaluate_model
    from shardmill.training.saved.load_model import load_model

    model = load_model(find_model(folder, runs) or folder, cache=cache)
    artifact = find_artifact(artifact, artifacts) or artifact
    kept = cache_for(artifact, cache)
    split = split or default_split(artifact, cache=kept)
    bring_splits(artifact, cache, lambda name, _: name == split, quiet=False)
    evaluation = evaluate_model(model, artifact, split, batch_size=batch_size, cache=kept)
    if picture is not None:
        from shardmill.training.show.draw_evaluation import draw_evaluation

        draw_evaluation(evaluation, picture)
        click.echo(f"wrote {picture}", err=True)
    if as_json:
        print_json(evaluation.to_dict())
    else:
        print_evaluation(evaluation)
