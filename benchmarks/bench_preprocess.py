"""Measures builds of shardmill and of other libraries, from raw files to what training reads.

`python benchmarks/bench_preprocess.py --raw FOLDER --out FOLDER` prints Markdown tables and writes
`preprocess.json` (the summary), `preprocess_rounds.json` (every round) and `bench_preprocess.svg`.
Everything that is compared is measured in this one run. The table lists a library that is not
installed as such. The benchmark runs on Linux only.
"""

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from load.machine import machine_facts
from load.run_child import Interpreters
from load.write_results import write_results
from preprocess.contender import IMAGES, TEXT
from preprocess.growth import TEXT_ROWS, Step, grow, large_sizes, text_sizes
from preprocess.measure import Place
from preprocess.plot import draw
from preprocess.recipes import mnist_source, text_source
from preprocess.report import case_facts, case_markdown, growth_facts, growth_markdown
from preprocess.rounds import Plan, run_rounds

_PARTS = ("text", "images", "growth")
_GB = 10**9


def _part_names(_context: click.Context, _option: click.Parameter, given: str) -> list[str]:
    names = [name.strip() for name in given.split(",") if name.strip()]
    unknown = [name for name in names if name not in _PARTS]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: parts are {', '.join(_PARTS)}")
    return names


def _row_counts(_context: click.Context, _option: click.Parameter, given: str) -> list[int]:
    try:
        return [int(text.replace("_", "")) for text in given.split(",")]
    except ValueError:
        raise click.BadParameter(f"{given!r} is not a list of numbers") from None


def _say(line: str) -> None:
    click.echo(line, err=True)


def _folder(*, exists: bool) -> click.Path:
    return click.Path(exists=exists, file_okay=False, resolve_path=True, path_type=Path)


@click.command()
@click.option(
    "--raw", type=_folder(exists=True), required=True, help="The folder of real raw files."
)
@click.option("--out", type=_folder(exists=False), required=True, help="The folder for results.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--only", default=",".join(_PARTS), show_default=True, callback=_part_names)
@click.option("--rows", type=click.IntRange(100), default=TEXT_ROWS, show_default=True)
@click.option(
    "--image-rows",
    type=click.IntRange(100, 60_000),
    help="How many images are used, for a quick trial.",
)
@click.option(
    "--growth-rows",
    default="100000,1000000",
    show_default=True,
    callback=_row_counts,
    help="How many rows of text each step has; 10000000 rows are a file of 2.5 GB.",
)
@click.option("--growth-rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--large",
    is_flag=True,
    help="Whether one file of texts and one of images, each of --large-gb, are built too.",
)
@click.option("--large-gb", type=float, default=3.0, show_default=True)
@click.option(
    "--timeout",
    type=float,
    default=3_600.0,
    show_default=True,
    help="How many seconds one build may take.",
)
@click.option(
    "--mosaicml-python",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An interpreter with torch, numpy and mosaicml-streaming, which pins another numpy.",
)
def main(raw: Path, out: Path, only: list[str], **options: Any) -> None:
    """Measure what builds take: time, processors, memory and disk."""
    if sys.platform != "linux":
        raise click.ClickException("processes are watched in /proc, which Linux alone has")
    work = out / "preprocess"
    python = options["mosaicml_python"]
    mosaicml = str(python.absolute()) if python is not None else None
    plan = Plan(
        rounds=options["rounds"],
        place=Place(work / "build", options["timeout"]),
        interpreters=Interpreters(sys.executable, mosaicml),
        log=_say,
    )
    machine = machine_facts()
    settings = {k: v for k, v in options.items() if k != "mosaicml_python"}
    facts: dict[str, Any] = {"machine": machine, "settings": settings, "cases": [], "growth": []}
    click.echo("; ".join(f"{name} {value}" for name, value in machine.items()) + "\n")
    try:
        _run_cases(raw, work, plan, only=only, facts=facts, options=options)
        steps = _run_growth(raw, work, plan, only=only, facts=facts, options=options)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        if facts["cases"] or facts["growth"]:
            write_results(facts, out / "preprocess.json")
    draw(steps, out / "bench_preprocess.svg")


def _run_cases(
    raw: Path,
    work: Path,
    plan: Plan,
    *,
    only: list[str],
    facts: dict[str, Any],
    options: dict[str, Any],
) -> None:
    for name, contenders in (("text", TEXT), ("images", IMAGES)):
        if name not in only:
            continue
        folder = work / name
        folder.mkdir(parents=True, exist_ok=True)
        if name == "text":
            source = text_source(raw, folder, rows=options["rows"])
        else:
            source = mnist_source(raw, folder, rows=options["image_rows"])
        results = run_rounds(contenders, source, plan)
        click.echo(case_markdown(source, results))
        facts["cases"].append(case_facts(source, results))


def _run_growth(
    raw: Path,
    work: Path,
    plan: Plan,
    *,
    only: list[str],
    facts: dict[str, Any],
    options: dict[str, Any],
) -> list[Step]:
    series = {}
    if "growth" in only:
        sizes = text_sizes(raw, options["growth_rows"])
        series["growth"] = (sizes, replace(plan, rounds=options["growth_rounds"]))
    if options["large"]:
        sizes = large_sizes(raw, int(options["large_gb"] * _GB))
        series["large files"] = (sizes, replace(plan, rounds=1))
    done: list[Step] = []
    for title, (sizes, how) in series.items():
        steps = list(grow(sizes, work / "growth", how))
        click.echo(growth_markdown(title, steps))
        facts["growth"] += growth_facts(steps)
        done += steps
    return done


if __name__ == "__main__":
    main()
