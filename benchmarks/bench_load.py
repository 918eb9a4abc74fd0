"""How fast batches come from shardmill and from other libraries, side by side.

`python benchmarks/bench_load.py --raw FOLDER --out FOLDER` prints a Markdown table per data set and
writes `results.json` (the summary), `results_rounds.json` (every round) and `bench_load.svg`.
Everything that is compared is measured in this one run. The table lists a library that is not
installed as such.
"""

import sys
from pathlib import Path

import click
from load.build_case import CASE_NAMES, build_case
from load.machine import machine_facts
from load.plot import draw
from load.report import CaseReport, markdown
from load.run_case import Plan, run_case
from load.run_child import Interpreters
from load.write_results import write_results


def _case_names(_context: click.Context, _option: click.Parameter, given: str) -> list[str]:
    names = [name.strip() for name in given.split(",")]
    unknown = [name for name in names if name not in CASE_NAMES]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: data sets are {', '.join(CASE_NAMES)}")
    return names


def _say(line: str) -> None:
    click.echo(line, err=True)


def _folder(*, exists: bool) -> click.Path:
    return click.Path(exists=exists, file_okay=False, resolve_path=True, path_type=Path)


@click.command()
@click.option(
    "--raw", type=_folder(exists=True), required=True, help="The folder of real raw files."
)
@click.option(
    "--out",
    type=_folder(exists=False),
    required=True,
    help="The folder for data sets and results. What is there is used again.",
)
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--only", default=",".join(CASE_NAMES), show_default=True, callback=_case_names)
@click.option(
    "--rows",
    type=click.IntRange(3_000),
    help="How many raw train rows are used, for a quick trial.",
)
@click.option(
    "--seconds", type=float, default=2.0, show_default=True, help="How long a pass may take."
)
@click.option(
    "--mosaicml-python",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An interpreter with torch, numpy and mosaicml-streaming, which pins another numpy.",
)
def main(
    raw: Path,
    out: Path,
    rounds: int,
    only: list[str],
    rows: int | None,
    seconds: float,
    mosaicml_python: Path | None,
) -> None:
    """Measure how fast batches come from shardmill and from its peers."""
    mosaicml = str(mosaicml_python.absolute()) if mosaicml_python is not None else None
    plan = Plan(rounds, seconds, Interpreters(sys.executable, mosaicml), _say)
    reports: list[CaseReport] = []
    machine = machine_facts()
    click.echo("; ".join(f"{name} {value}" for name, value in machine.items()) + "\n")
    out.mkdir(parents=True, exist_ok=True)
    for name in only:
        _say(f"{name}: raw files, artifact and tensors")
        case = build_case(name, raw=raw, out=out, rows=rows)
        reports.append(CaseReport(case, *run_case(case, plan)))
        click.echo(markdown(reports[-1]))
        facts = {
            "machine": machine,
            "settings": {"rounds": rounds, "seconds": seconds, "rows": rows},
            "cases": [report.to_dict() for report in reports],
        }
        write_results(facts, out / "results.json")
        draw(reports, out / "bench_load.svg")


if __name__ == "__main__":
    main()
