"""What the baselines reach on the real data sets, beside scikit-learn and fastText.

`python benchmarks/bench_accuracy.py --raw FOLDER --out FOLDER` prints a Markdown table and writes
`accuracy.json`. It fails if predictions for the raw test files are not what training reported.
"""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import torch
from accuracy.artifacts import build_all
from accuracy.ours import check_predictions, train_baseline
from accuracy.outcome import Outcome
from accuracy.table_rivals import table_rivals
from accuracy.text_rivals import fast_text, linear_on_tfidf
from load.machine import machine_facts
from load.tables import five_digits, number, table
from load.write_results import to_json

THREADS = 2
SEEDS = range(3)


def _measure(raw: Path, out: Path) -> Iterator[Outcome]:
    artifacts = build_all(raw, out / "artifacts")
    for data, architecture, seeds in (
        ("tabular", "tabular_mlp", range(1)),  # for each of the splits
        ("text", "text_bag", SEEDS),
        ("text", "text_transformer", range(1)),
        ("images", "image_cnn", SEEDS),
        ("images", "image_resnet", range(1)),
    ):
        outcome, results = train_baseline(
            data, architecture, artifacts[data], out / "runs", seeds=seeds
        )
        if data != "tabular":  # whose test file has no labels
            for result in results:
                check_predictions(result, raw)
        yield outcome
    yield from table_rivals(artifacts["tabular"])
    yield linear_on_tfidf(artifacts["text"][0])
    yield fast_text(artifacts["text"][0], out, seeds=SEEDS)


def _row(outcome: Outcome) -> list[str]:
    spread = "-" if outcome.spread is None else f"{outcome.spread:.4f}"
    seconds = sum(outcome.seconds) / len(outcome.seconds)
    runs = str(len(outcome.accuracies))
    return [outcome.data, outcome.model, f"{outcome.mean:.4f}", spread, runs, number(seconds)]


@click.command()
@click.option(
    "--raw",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Real raw files.",
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Results."
)
def main(raw: Path, out: Path) -> None:
    """Measure what the baselines reach, beside scikit-learn and fastText."""
    torch.set_num_threads(THREADS)
    out = (out / "accuracy").resolve()
    out.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for outcome in _measure(raw.resolve(), out):
        click.echo(" | ".join(_row(outcome)), err=True)
        outcomes.append(outcome)
    outcomes.sort(key=lambda outcome: outcome.data)
    header = ["data", "model", "accuracy", "standard deviation", "runs", "seconds a run"]
    click.echo(table(header, [_row(outcome) for outcome in outcomes]))
    names = ("torch", "lightning", "scikit-learn", "fasttext-numpy2-wheel")
    facts = {
        "machine": machine_facts(),
        "threads": THREADS,
        "versions": {name: version(name) for name in names},
        "outcomes": [five_digits(outcome.to_dict()) for outcome in outcomes],
    }
    (out / "accuracy.json").write_text(to_json(facts) + "\n")


if __name__ == "__main__":
    main()
