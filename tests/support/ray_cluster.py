"""Builds on a Ray cluster of a head and two machines, of which some are killed.

`make test-ray` calls it in a network and a space of process numbers of their own, since Ray listens
on all interfaces, and since nothing should outlive the test. Machines are addresses of the loopback
interface, each with processes of its own.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HEAD, WORKERS = "10.77.0.1", ("10.77.0.2", "10.77.0.3")
PORT = 6399
RAY = str(Path(sys.executable).parent / "ray")
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


def start(*arguments: str, alone: Path | None = None) -> None:
    """Start a part of the cluster.

    Args:
        arguments: What it is told.
        alone: A folder of which it sees nothing, but has one of its own; None to share all.
    """
    memory = ("--object-store-memory=150000000", "--memory=2000000000")
    command = [RAY, "start", "--disable-usage-stats", *memory, *arguments]
    if alone is not None:
        hide = f'mount -t tmpfs tmpfs "{alone}" && exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", hide, "sh", *command]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def add(address: str, alone: Path | None = None) -> None:
    """Add a machine of one core; see `start`."""
    place = (f"--address={HEAD}:{PORT}", f"--node-ip-address={address}", "--num-cpus=1")
    start(*place, alone=alone)


def kill(address: str) -> None:
    """Kill the processes of a machine, all at once."""
    parents: dict[int, list[int]] = {}
    roots = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state = (folder / "stat").read_text().rpartition(")")[2].split()
            parents.setdefault(int(state[1]), []).append(int(folder.name))
            command = (folder / "cmdline").read_text()
            if "raylet/raylet" in command and address in command:
                roots.append(int(folder.name))
    assert roots, f"{address} runs no raylet"
    while roots:
        roots += parents.get(roots[0], [])
        with contextlib.suppress(ProcessLookupError):
            os.kill(roots.pop(0), signal.SIGKILL)


def command(names: Sequence[object], raw: Path | str, out: Path | str, *more: str) -> list[str]:
    """Return the command of a build."""
    recipes = [str(name) for name in names]
    places = ["--raw", str(raw), "--out", str(out)]
    return [sys.executable, "-m", "shardmill", "preprocess", *recipes, *places, "--json", *more]


def build(names: Sequence[object], raw: Path, out: Path, *more: str) -> tuple[float, int]:
    """Return the seconds of a build, and the largest memory of the process that drives it, MiB."""
    shutil.rmtree(out, ignore_errors=True)
    begun = time.monotonic()
    with subprocess.Popen(command(names, raw, out, *more), stdout=subprocess.DEVNULL) as process:
        peak = 0
        while process.poll() is None:
            with contextlib.suppress(OSError, StopIteration):
                lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
                peak = int(next(line for line in lines if "VmHWM" in line).split()[1]) // 1024
            time.sleep(0.02)
    assert process.returncode == 0, f"{more} ended with {process.returncode}"
    return round(time.monotonic() - begun, 1), peak


def contents(folder: Path) -> dict[str, bytes]:
    """Return the content of all files of artifacts, except what may differ."""
    files = (path for path in folder.rglob("*") if path.is_file())
    kept = (path for path in files if path.name not in ("build.json", ".lock"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in kept}


def kill_in(
    stage: str,
    address: str,
    build_command: Sequence[str],
    out: Path,
    *,
    seconds: float,
    alone: Path | None = None,
) -> float:
    """Kill a machine while a stage runs, at a random time, and return how long the build took.

    Args:
        stage: The stage, `clean` or `shards`.
        address: The machine, which is there again afterwards.
        build_command: The command of the build.
        out: The folder in which the artifact is built.
        seconds: How long the stage takes.
        alone: What the machine shares with nobody; see `start`.
    """
    shutil.rmtree(out, ignore_errors=True)
    begun, due, killed = time.monotonic(), float("inf"), False
    with subprocess.Popen(build_command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            now = time.monotonic()
            if due == float("inf") and any(out.glob(f"texts/*{stage}-*")):
                due = now + random.random() * seconds
            if now > due and not killed:
                kill(address)
                killed = True
            time.sleep(0.01)
    assert process.returncode == 0
    took = round(time.monotonic() - begun, 1)
    print(f"killed in {stage}: {killed}, {took} s", flush=True)
    if killed:
        add(address, alone)
    return took


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


@contextlib.contextmanager
def cluster() -> Iterator[None]:
    """Start a head without a core."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (HEAD, *WORKERS):
        place = ["addr", "add", f"{address}/32", "dev", "lo"]
        subprocess.run(["ip", *place], check=True)
    os.environ["RAY_ADDRESS"] = f"{HEAD}:{PORT}"
    head = (f"--node-ip-address={HEAD}", f"--port={PORT}")
    start("--head", *head, "--num-cpus=0", "--include-dashboard=false")
    yield
    subprocess.run([RAY, "stop", "--force"], check=False, stdout=subprocess.DEVNULL)


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


@contextlib.contextmanager
def object_storage() -> Iterator[None]:
    """Run a server of S3 with an empty bucket, which the environment names."""
    server = [sys.executable, "-m", "moto.server", "-H", HEAD, "-p", "5077"]
    with subprocess.Popen(server, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        endpoint = f"http://{HEAD}:5077"
        while True:
            with contextlib.suppress(OSError):
                request = urllib.request.Request(f"{endpoint}/bucket", method="PUT")
                urllib.request.urlopen(request).close()
                break
            time.sleep(0.1)
        os.environ.update(
            AWS_ENDPOINT_URL=endpoint,
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            AWS_REGION="us-east-1",
            AWS_ALLOW_HTTP="true",
        )
        try:
            yield
        finally:
            process.terminate()


def build_at_urls(folder: Path, raw: Path) -> None:
    """Build from S3 to S3 on machines that share no disk, of which some are killed."""
    from shardmill.store.open_store import open_store

    for address in WORKERS:
        kill(address)
    cache, texts = folder / "cache", folder / "texts"
    cache.mkdir()
    expected = {name: contents(folder / "local" / name) for name in ("texts",)}
    three = ["titanic", "mnist", "ag_news"]
    build(three, raw, folder / "local")
    expected |= {name: contents(folder / "local" / name) for name in three}
    with object_storage():
        for address in WORKERS:
            add(address, cache)
        store = open_store("s3://bucket/raw")
        for root in (raw, texts):
            for path in root.rglob("*.csv*") if root == texts else root.rglob("*"):
                if path.is_file():
                    store.put(path.relative_to(root).as_posix(), path)
        names = [*three, str(texts / "texts.toml")]
        places = ["--scratch", "s3://bucket/scratch", "--cache", str(cache)]
        there = command(names, "s3://bucket/raw", "s3://bucket/out", "--engine", "ray", *places)
        begun = time.monotonic()
        subprocess.run(there, check=True, stdout=subprocess.DEVNULL)
        print(f"from S3 to S3, no disk shared: {time.monotonic() - begun:.1f} s", flush=True)
        check_pulled(folder, expected)
        staged = next((cache / "builds").iterdir())
        forced = [*there, "--force"]
        for stage in ("clean", "shards"):
            kill_in(stage, WORKERS[0], forced, staged, seconds=2, alone=cache)
            check_pulled(folder, expected)
        assert not list(open_store("s3://bucket/scratch").list()), "drafts are left"
        print("from S3 to S3: identical after each, no drafts left", flush=True)


def check_pulled(folder: Path, expected: dict[str, dict[str, bytes]]) -> None:
    """Compare artifacts in S3 with those that were built here."""
    from shardmill.store.pull_artifact import pull_artifact

    shutil.rmtree(folder / "pulled", ignore_errors=True)
    for name, files in expected.items():
        pulled = contents(pull_artifact(f"s3://bucket/out/{name}", folder / "pulled"))
        read = {path: content for path, content in files.items() if "/clean.json" not in path}
        assert pulled == read, name


if __name__ == "__main__":
    main()
