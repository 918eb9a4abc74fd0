"""Prints what `shardmill evaluate` and `shardmill export` found."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from shardmill.training.saved.evaluate_model import Evaluation
    from shardmill.training.saved.export_model import Exported


def print_exported(exported: "Exported") -> None:
    """Print what an exported network takes and returns, and how closely it matches the model."""
    click.echo(f"{exported.path}")
    for name, form in exported.inputs.items():
        click.echo(f"  takes    {name} {form}")
    click.echo(f"  returns  logits [b, {len(exported.classes)}]")
    sizes = ", ".join(map(str, exported.sizes))
    click.echo(f"  checked  logits differ by {exported.difference:.1g} at most, for {sizes} rows")


def print_evaluation(evaluation: "Evaluation") -> None:
    """Print the scores of each class and the confusion matrix as tables."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120)
    sample = " (SAMPLE DATA)" if evaluation.sample else ""
    click.echo(f"{evaluation.artifact}, {evaluation.split}: {evaluation.rows:,} rows{sample}")
    click.echo(f"accuracy {evaluation.accuracy:.4f}")
    scores = Table("class", "precision", "recall", "F1", "rows")
    names = [escape(c.name) for c in evaluation.classes]
    confusion = Table("true \\ predicted", *names)
    for name, c, row in zip(names, evaluation.classes, evaluation.confusion, strict=True):
        numbers = (f"{n:.4f}" for n in (c.precision, c.recall, c.f1))
        scores.add_row(name, *numbers, f"{c.rows:,}")
        confusion.add_row(name, *(f"{n:,}" for n in row))
    console.print(scores)
    console.print(confusion)
