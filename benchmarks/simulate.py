"""Simulates epochs that read from object storage, and says what builds of any size would take.

`python benchmarks/simulate.py epoch --help` and so on list the options. `check` holds the simulator
against epochs that are read here, and fails if one differs by more than a quarter.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, astuple, fields
from math import inf
from pathlib import Path
from typing import Any

import click
from load.machine import machine_facts
from simulation.cases import CASES
from simulation.check_runs import Checks, Figures, write_artifact
from simulation.cost_model import TASK_S, Cluster, Predicted, Prices, predict_build
from simulation.count_requests import count_requests
from simulation.epoch import Setting, simulate_epoch
from simulation.fit_costs import Costs, fit_costs
from simulation.limited_server import BUCKET, limited_server
from simulation.measure_builds import Measured, measure_all
from simulation.shard_visits import Rows

MOST_OFF = 0.25
RESULTS = Path(__file__).parent / "cost_results.json"
ORDERS: Mapping[str, bool | str] = {
    "order": False,
    "shuffled": True,
    "blocks": "blocks",
    "nodes": "nodes",
    "shards": "shards",
}
_Folder = click.Path(file_okay=False, path_type=Path)


@click.group()
def main() -> None:
    """Say what builds and epochs take where there is more than one machine has."""


@main.command()
@click.option("--gb", type=float, default=1_000, show_default=True, help="The GB of the rows.")
@click.option("--row-bytes", default=4_096, show_default=True, help="The bytes of a row.")
@click.option("--shard-mib", default=64, show_default=True, help="The size of a shard.")
@click.option("--batch-size", default=256, show_default=True, help="The rows of a batch.")
@click.option("--order", type=click.Choice(list(ORDERS)), default="nodes", show_default=True)
@click.option("--nodes", default=1, show_default=True, help="The number of nodes.")
@click.option("--ranks", default=1, show_default=True, help="The ranks of a node.")
@click.option("--cache-gb", type=float, help="What the cache of a node holds; all if not given.")
@click.option("--node-gb-s", default=3.0, show_default=True, help="The bandwidth of a node.")
@click.option("--store-gb-s", default=inf, help="The bandwidth of the store.")
@click.option("--latency-ms", default=30.0, show_default=True, help="Until an answer begins.")
@click.option("--write-ms", default=20.0, show_default=True, help="To put a file on the disk.")
@click.option("--rows-s", default=1e6, show_default=True, help="The rows a rank gathers locally.")
@click.option("--step-ms", default=0.0, show_default=True, help="What the loop computes a batch.")
def epoch(order: str, **of: Any) -> None:
    """Simulate an epoch that begins with empty caches."""
    row_bytes = of["row_bytes"]
    rows = Rows(
        rows=int(of["gb"] * 1e9) // row_bytes,
        row_bytes=row_bytes,
        rows_per_shard=max(of["shard_mib"] * 2**20 // row_bytes, 1),
        batch_size=of["batch_size"],
        shuffle=ORDERS[order],
    )
    outcome = simulate_epoch(
        Setting(
            rows,
            nodes=of["nodes"],
            ranks=of["ranks"],
            cache_bytes=None if of["cache_gb"] is None else int(of["cache_gb"] * 1e9),
            node_bytes_s=of["node_gb_s"] * 1e9,
            store_bytes_s=of["store_gb_s"] * 1e9,
            latency_s=of["latency_ms"] / 1e3,
            write_s=of["write_ms"] / 1e3,
            rows_s=of["rows_s"],
            step_s=of["step_ms"] / 1e3,
        )
    )
    click.echo(f"first batch after {outcome.first_s:,.2f} s, epoch {outcome.epoch_s:,.1f} s")
    most, mean = max(outcome.node_bytes), sum(outcome.node_bytes) / of["nodes"]
    click.echo(f"{most / 1e9:,.2f} GB for the node that loads most, {mean / 1e9:,.2f} on average")
    click.echo(f"{outcome.requests:,} files asked for, {outcome.hits:.0%} found in the cache")
    click.echo(f"{outcome.waiting:.0%} of the time goes to waiting for batches")


@main.command()
@click.option("--out", type=_Folder, required=True, help="A folder for what is read; 700 MB.")
@click.option("--runs", default=3, show_default=True, help="How often each epoch is read.")
def check(out: Path, runs: int) -> None:
    """Hold the simulator against epochs that are read from a server on loopback."""
    folder = out / "check"
    shutil.rmtree(folder, ignore_errors=True)
    served, caches = folder / "served", folder / "caches"
    caches.mkdir(parents=True)
    artifact = write_artifact(served / BUCKET)
    names = [field.name for field in fields(Figures)]
    click.echo("| epoch | " + " | ".join(names) + " |\n|---|" + "---:|" * len(names))
    found = {}
    with limited_server(served) as server:
        checks = Checks(server, artifact, caches)
        for case in CASES:
            found[case.name] = figures = checks.compare(case, runs)
            click.echo(
                f"| {case.name} | " + " | ".join(f"{v:.3g}" for v in astuple(figures)) + " |"
            )
    shutil.rmtree(folder)
    facts = {name: asdict(figures) for name, figures in found.items()}
    write_lines(out / "simulate_results.json", {"machine": machine_facts(), **facts})
    off = [name for name, figures in found.items() if abs(figures.ratio - 1) > MOST_OFF]
    if off:
        raise click.ClickException(f"more than {MOST_OFF:.0%} off: {', '.join(off)}")


@main.command()
@click.option("--raw", type=_Folder, required=True, help="The folder of real raw files.")
@click.option("--out", type=_Folder, required=True, help="A folder for the results; 20 GB.")
@click.option("--rounds", default=3, show_default=True, help="How often each build is measured.")
def measure(raw: Path, out: Path, rounds: int) -> None:
    """Measure builds of several sizes, for half an hour, and add them to builds.jsonl."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "builds.jsonl").open("a") as file:
        for build in measure_all(raw, out / "builds", rounds=rounds):
            file.write(json.dumps(asdict(build)) + "\n")
            file.flush()
            click.echo(f"{build.kind}, {build.raw_gb:.2f} GB: {build.cpu_s:.1f} s of processors")


@main.command()
@click.option("--out", type=_Folder, required=True, help="The folder of builds.jsonl.")
def fit(out: Path) -> None:
    """Fit the cost model to the builds that were measured, and count what is asked of S3."""
    measured = [Measured(**json.loads(line)) for line in (out / "builds.jsonl").open()]
    costs = {kind: asdict(found) for kind, found in fit_costs(measured).items()}
    requests = count_requests(write_artifact(out / "requests"), out / "pulled")
    shutil.rmtree(out / "requests")
    load = [min(build.load for build in measured), max(build.load for build in measured)]
    facts = {"machine": machine_facts(), "builds": len(measured), "load": load}
    write_lines(out / RESULTS.name, {**facts, "requests": requests, **costs})


@main.command()
@click.option("--nodes", default=16, show_default=True, help="The number of nodes.")
@click.option("--cores", default=32, show_default=True, help="The cores of a node.")
@click.option("--engine", type=click.Choice(list(TASK_S)), default="ray", show_default=True)
@click.option("--gb", type=float, multiple=True, default=(1e3, 1e6), help="The GB of raw files.")
def builds(nodes: int, cores: int, engine: str, gb: tuple[float, ...]) -> None:
    """Say what builds take, by the costs that were measured."""
    known = json.loads(RESULTS.read_text())
    cluster = Cluster(nodes, cores, engine=engine)
    for kind in ("text", "images", "table"):
        for size in gb:
            found = predict_build(kind, Costs(**known[kind]), size, cluster, Prices())
            click.echo(f"{kind}, {size:,.0f} GB on {nodes} nodes: {json.dumps(_rounded(found))}")


def _rounded(predicted: Predicted) -> Mapping[str, Any]:
    facts = asdict(predicted)
    seconds = {name: round(value) for name, value in facts.pop("seconds").items()}
    facts = {n: float(f"{v:.3g}") if isinstance(v, float) else v for n, v in facts.items()}
    return {"seconds": seconds, **facts}


def write_lines(path: Path, facts: Mapping[str, Any]) -> None:
    """Write JSON, each key on a line of its own, so that a file of results stays short."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = json.loads(json.dumps(facts), parse_float=lambda text: float(f"{float(text):.4g}"))
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in rounded.items()]
    path.write_text("{\n " + ",\n ".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
