"""Builds on a Ray cluster of a head and two machines, of which some are killed.

`make test-ray` calls it in a network and a space of process numbers of their own, since Ray listens
on all interfaces, and since nothing should outlive the test. Machines are addresses of the loopback
interface, each with processes of its own.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ray_machines import WORKERS, add, build, cluster, command, contents, kill_in
from ray_urls import build_at_urls

TEXTS = """
name = "texts"
kind = "text"
csv.header = false
target = { column = "class", classes = ["World", "Sports", "Business", "Sci/Tech"], first = 1 }
splits.train.csv.path = "texts.csv"
splits.validation.hold_out = { split = "train", fraction = 0.1 }
[text]
columns = ["class", "title", "description"]
join = ["title", "description"]
clean = ["alphanumeric", "lowercase"]
"""


def write_texts(folder: Path, raw: Path, rows: int) -> None:
    """Write a recipe, and a CSV file of so many rows of the news."""
    folder.mkdir()
    (folder / "texts.toml").write_text(TEXTS)
    lines = (raw / "ag_news" / "train.csv").read_bytes().splitlines(keepends=True)
    draw = random.Random(0)
    with (folder / "texts.csv").open("wb") as file:
        for first in range(0, rows, 100_000):
            file.writelines(draw.choices(lines, k=min(100_000, rows - first)))


def where(number: int) -> tuple[int, str]:
    """Return the address of the machine that runs this, after a moment."""
    import ray

    time.sleep(0.3)
    return number, ray.util.get_node_ip_address()


def check_machines() -> None:
    """See what a build does while there is no machine, and when one is added in the middle."""
    from shardmill.errors import WorkerError
    from shardmill.pipeline.builds.open_engine import open_engine

    with open_engine("ray", None) as engine:
        begun = time.monotonic()
        try:
            list(engine.run(where, [(n,) for n in range(4)]))
        except WorkerError as error:
            print(f"no machine: {error}, after {time.monotonic() - begun:.1f} s", flush=True)
        else:
            raise AssertionError("a cluster without a machine has run tasks")
        add(WORKERS[0])
        found: list[tuple[int, str]] = []
        for result in engine.run(where, [(n,) for n in range(60)]):
            found.append(result)
            if len(found) == 3:
                add(WORKERS[1])
        assert [number for number, _ in found] == list(range(60))
        used = {address: sum(place == address for _, place in found) for address in WORKERS}
        print(f"tasks by machine, the second of which came later: {used}", flush=True)
        assert all(used.values())


def interrupt(texts: Path, out: Path) -> None:
    """Interrupt a build, and see that nothing of it goes on."""
    shutil.rmtree(out, ignore_errors=True)
    build_command = command([texts / "texts.toml"], texts, out, "--engine", "ray")
    with subprocess.Popen(build_command, stdout=subprocess.DEVNULL) as process:
        while not any(out.glob("texts/*clean-*")):
            time.sleep(0.01)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
    left = sorted(path.name for path in out.rglob("*"))
    time.sleep(3)
    assert left == sorted(path.name for path in out.rglob("*")), "a task went on"
    print(f"interrupted: exit {process.returncode}, left {left}", flush=True)


def main() -> None:
    """Build everything on the cluster, compare with local builds, and kill machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the texts")
    parser.add_argument("--kills", type=int, default=5, help="machines to kill in each stage")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    with tempfile.TemporaryDirectory() as temporary, cluster():
        folder = Path(temporary)
        raw = Path(os.environ.get("SHARDMILL_RAW", folder / "sample"))
        if not raw.exists():
            subprocess.run(
                [sys.executable, "-m", "shardmill", "sample", "--out", str(raw)], check=True
            )
        check_machines()
        three = ["titanic", "mnist", "ag_news"]
        build(three, raw, folder / "local")
        build(three, raw, folder / "ray", "--engine", "ray")
        assert contents(folder / "ray") == contents(folder / "local")
        print("three datasets: identical", flush=True)
        compare_texts(folder, raw, arguments)
        interrupt(folder / "texts", folder / "ray")
        build_at_urls(folder, raw)


def compare_texts(folder: Path, raw: Path, arguments: Any) -> None:
    """Compare times and bytes of builds of texts, and kill machines meanwhile."""
    texts = folder / "texts"
    write_texts(texts, raw, arguments.rows)
    recipe = [texts / "texts.toml"]
    for _ in range(2):
        local = build(recipe, texts, folder / "local", "--workers", "2")
        there = build(recipe, texts, folder / "ray", "--engine", "ray")
        print(f"{arguments.rows:,} rows, (seconds, MiB of the driver): local {local}, ray {there}")
    expected = contents(folder / "local")
    assert contents(folder / "ray") == expected
    stages = json.loads((folder / "ray" / "texts" / "build.json").read_bytes())["seconds"]
    out = folder / "ray"
    build_command = command(recipe, texts, out, "--engine", "ray")
    for stage, seconds in (("clean", stages["clean"]), ("shards", stages["shard"])):
        for number in range(arguments.kills):
            kill_in(stage, WORKERS[number % 2], build_command, out, seconds=seconds)
            assert contents(folder / "ray") == expected
    print("identical after each", flush=True)


if __name__ == "__main__":
    main()
