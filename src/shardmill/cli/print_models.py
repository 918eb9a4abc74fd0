"""Prints what `shardmill evaluate` and `shardmill export` found."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from shardmill.training.saved.evaluate_classes import ClassEvaluation
    from shardmill.training.saved.evaluate_model import Evaluation
    from shardmill.training.saved.evaluate_numbers import NumberEvaluation
    from shardmill.training.saved.export_model import Exported

MATRIX_CLASSES = 20  # a larger confusion matrix cannot be read
CONFUSIONS = 20


def print_exported(exported: "Exported") -> None:
    """Print what an exported network takes and returns, and how closely it matches the model."""
    click.echo(f"{exported.path}")
    for name, form in exported.inputs.items():
        click.echo(f"  takes    {name} {form}")
    outputs = "logits" if exported.classes else "numbers"
    more = f", {len(exported.classes)}" if exported.classes else ""
    click.echo(f"  returns  {outputs} [b{more}]")
    sizes = ", ".join(map(str, exported.sizes))
    click.echo(
        f"  checked  {outputs} differ by {exported.difference:.1g} at most, for {sizes} rows"
    )


def print_evaluation(evaluation: "Evaluation") -> None:
    """Print how good a model of classes or of numbers is on a split."""
    from shardmill.training.saved.evaluate_classes import ClassEvaluation

    sample = " (SAMPLE DATA)" if evaluation.sample else ""
    click.echo(f"{evaluation.artifact}, {evaluation.split}: {evaluation.rows:,} rows{sample}")
    if isinstance(evaluation, ClassEvaluation):
        _print_classes(evaluation)
    else:
        _print_numbers(evaluation)


def _print_numbers(evaluation: "NumberEvaluation") -> None:
    from shardmill.training.objectives.measures import in_any_unit

    mean = in_any_unit(evaluation.rmse_of_mean)
    click.echo(f"RMSE {in_any_unit(evaluation.rmse)}, where the mean of train has {mean}")
    click.echo(f"MAE  {in_any_unit(evaluation.mae)}")
    click.echo(f"R²   {evaluation.r2:.4f}")


def _print_classes(evaluation: "ClassEvaluation") -> None:
    """Print the scores of each class, and the confusion matrix or the commonest confusions.

    The matrix is printed if it has at most 20 classes and no line would be wrapped.
    """
    from shardmill.cli.print_table import fits, print_table

    click.echo(f"accuracy {evaluation.accuracy:.4f}")
    scores = [
        (c.name, *(f"{n:.4f}" for n in (c.precision, c.recall, c.f1)), f"{c.rows:,}")
        for c in evaluation.classes
    ]
    print_table(["class", "precision", "recall", "F1", "rows"], scores)
    names = [c.name for c in evaluation.classes]
    if len(names) <= MATRIX_CLASSES:
        lines = zip(names, evaluation.confusion, strict=True)
        cells = [(name, *(f"{n:,}" for n in numbers)) for name, numbers in lines]
        headings = ["true \\ predicted", *names]
        if fits(headings, cells):
            print_table(headings, cells)
            return
    _print_confusions(evaluation, names)


def _print_confusions(evaluation: "ClassEvaluation", names: Sequence[str]) -> None:
    from shardmill.cli.print_table import print_table

    confusions = [
        (rows, true, predicted)
        for true, line in enumerate(evaluation.confusion)
        for predicted, rows in enumerate(line)
        if rows and true != predicted
    ]
    confusions.sort(key=lambda confusion: -confusion[0])  # equally common ones stay in order
    cells = [
        (names[true], names[predicted], f"{rows:,}", f"{rows / evaluation.classes[true].rows:.4f}")
        for rows, true, predicted in confusions[:CONFUSIONS]
    ]
    if cells:
        headings = ["true", "predicted", "rows", "share of the true class"]
        print_table(headings, cells, names=2)
    shown = f"the {len(cells)} commonest of " if len(cells) < len(confusions) else ""
    click.echo(f"{shown}{len(confusions):,} confusions; --json or --picture show the whole matrix")
