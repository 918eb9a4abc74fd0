"""Runs the shardmill of a source tree in processes of its own."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_CHILD = Path(__file__).with_name("batches_child.py")
# The shipped recipes, and the number of rows in a batch of each.
BATCH_SIZES = {"mnist": 256, "ag_news": 256, "titanic": 64}


@dataclass(frozen=True, slots=True)
class Tree:
    """A source tree of shardmill, and where it builds.

    Attributes:
        root: The source tree, whose `src` holds the package.
        out: The folder for what this tree builds.
    """

    root: Path
    out: Path

    def build(self, recipe: str, raw: Path, out: Path) -> float:
        """Build a shipped recipe into an empty folder, and return the seconds of the process.

        Args:
            recipe: The name of the recipe.
            raw: The folder of the raw files.
            out: The folder of the artifact, which is removed first.

        Raises:
            subprocess.CalledProcessError: The build failed.
        """
        shutil.rmtree(out, ignore_errors=True)
        command = ["-m", "shardmill", "preprocess", recipe, "--quiet", "--workers", "1"]
        start = time.perf_counter()
        self._run([*command, "--raw", str(raw), "--out", str(out)])
        return time.perf_counter() - start

    def time_builds(self, raw: Path) -> dict[str, float]:
        """Return the seconds of a build of each shipped recipe, each a process of its own.

        Args:
            raw: The folder of the raw files.
        """
        return {name: self.build(name, raw, self.out / "build") for name in BATCH_SIZES}

    def time_batches(self, *, seconds: float, seed: int) -> dict[str, float]:
        """Return the shuffled batches a second of the artifact of each recipe.

        Args:
            seconds: How long each artifact is read.
            seed: The seed of the order of the rows.
        """
        cases = [
            f"{name}={size}={self.out / 'artifacts' / name}" for name, size in BATCH_SIZES.items()
        ]
        answer = self._run([str(_CHILD), str(self.root), str(seconds), str(seed), *cases])
        rates: dict[str, float] = json.loads(answer)
        return rates

    def _run(self, arguments: Sequence[str]) -> str:
        environment = {"OMP_NUM_THREADS": "1"} | dict(os.environ)
        environment["PYTHONPATH"] = str(self.root / "src")
        done = subprocess.run(  # noqa: S603  our own commands
            [sys.executable, *arguments],
            env=environment,
            cwd=self.out,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout
