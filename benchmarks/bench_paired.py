"""Compares two source trees of shardmill, which take turns in one run.

`python benchmarks/bench_paired.py --before TREE --after TREE --raw FOLDER --out FOLDER` prints a
Markdown table and writes `paired.json`. It times shuffled batches and builds as whole processes.
The ratio of the two trees is taken within each round, and the tree that begins changes by round.
"""

import json
import tempfile
from pathlib import Path
from statistics import median

import click
from load.machine import machine_facts
from load.tables import table
from paired.tree import BATCH_SIZES, Tree

# By what is measured: the figures of both trees, a pair for each round.
Pairs = dict[str, list[tuple[float, float]]]


def _folder(*, exists: bool) -> click.Path:
    return click.Path(exists=exists, file_okay=False, resolve_path=True, path_type=Path)


def _three(figures: list[float]) -> str:
    return " / ".join(f"{figure:,.4g}" for figure in (min(figures), median(figures), max(figures)))


def _rows(pairs: Pairs) -> list[list[str]]:
    rows = []
    for name, rounds in pairs.items():
        before = [pair[0] for pair in rounds]
        after = [pair[1] for pair in rounds]
        ratios = [pair[1] / pair[0] for pair in rounds]
        rows.append([name, _three(before), _three(after), _three(ratios)])
    return rows


def _measure(tree: Tree, raw: Path, *, seconds: float, seed: int) -> dict[str, float]:
    rates = tree.time_batches(seconds=seconds, seed=seed)
    figures = {f"{name}, batches/s": rate for name, rate in rates.items()}
    builds = tree.time_builds(raw)
    return figures | {f"{name}, build, s": taken for name, taken in builds.items()}


def _run_rounds(trees: tuple[Tree, Tree], raw: Path, *, rounds: int, seconds: float) -> Pairs:
    for tree in trees:
        for recipe in BATCH_SIZES:
            tree.build(recipe, raw, tree.out / "built")
            (tree.out / "built" / recipe).rename(tree.out / "artifacts" / recipe)
    pairs: Pairs = {}
    for seed in range(rounds):
        click.echo(f"round {seed + 1} of {rounds}", err=True)
        order = trees if seed % 2 == 0 else (trees[1], trees[0])
        found = {tree.root: _measure(tree, raw, seconds=seconds, seed=seed) for tree in order}
        before, after = (found[tree.root] for tree in trees)
        for name, figure in before.items():
            pairs.setdefault(name, []).append((figure, after[name]))
    return pairs


@click.command()
@click.option("--before", type=_folder(exists=True), required=True, help="The older source tree.")
@click.option("--after", type=_folder(exists=True), required=True, help="The newer source tree.")
@click.option("--raw", type=_folder(exists=True), required=True, help="The folder of raw files.")
@click.option("--out", type=_folder(exists=False), required=True, help="The folder of results.")
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True)
@click.option(
    "--seconds",
    type=float,
    default=0.7,
    show_default=True,
    help="How long the batches of each artifact are read in a round.",
)
def main(*, before: Path, after: Path, raw: Path, out: Path, rounds: int, seconds: float) -> None:
    """Compare batches and builds of two source trees of shardmill."""
    if before == after:
        raise click.UsageError("--before and --after name the same tree")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as work:
        trees = Tree(before, Path(work) / "before"), Tree(after, Path(work) / "after")
        for tree in trees:
            (tree.out / "artifacts").mkdir(parents=True)
        pairs = _run_rounds(trees, raw, rounds=rounds, seconds=seconds)
    header = ["lowest / median / highest", "before", "after", "after / before"]
    click.echo(table(header, _rows(pairs)))
    facts = {"machine": machine_facts(), "rounds": rounds, "pairs": pairs}
    (out / "paired.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
