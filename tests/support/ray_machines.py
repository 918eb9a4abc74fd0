"""Machines of a Ray cluster on one machine, which are started and killed, and builds on them."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

HEAD, WORKERS = "10.77.0.1", ("10.77.0.2", "10.77.0.3")
PORT = 6399
RAY = str(Path(sys.executable).parent / "ray")


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
