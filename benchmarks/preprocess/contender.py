"""What a contender is: a command that builds, and one that counts what was built."""

from dataclasses import dataclass

from load.contender import MAIN, MOSAICML
from preprocess.job import Job


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to get from raw files to what training reads.

    Attributes:
        name: in tables.
        package: the distribution whose version is recorded.
        counts: the module below `preprocess` that counts what was built; None for a limit, which
            builds nothing.
        builds: the module that builds; None for shardmill's own command.
        workers: processes, where the contender can have several.
        again: measured is a second run over the result of a first.
        environment: `main`, or `mosaicml`, which pins another numpy than the others need.
    """

    name: str
    package: str
    counts: str | None
    builds: str | None = None
    workers: int = 1
    again: bool = False
    environment: str = MAIN

    def build_command(self, python: str, recipe: str, job: Job) -> list[str]:
        """Return the command that is measured."""
        if self.builds is None:
            return shardmill_command(python, recipe, job)
        return _child(python, "build", self.builds, job)

    def count_command(self, python: str, job: Job) -> list[str] | None:
        """Return the command that prints what was built as JSON, if anything was."""
        return None if self.counts is None else _child(python, "count", self.counts, job)


def shardmill_command(python: str, recipe: str, job: Job) -> list[str]:
    """Return the command that a user gives; `recipe` is a name or a path."""
    command = [python, "-m", "shardmill", "preprocess", recipe, "--quiet"]
    folders = ["--raw", str(job.raw), "--out", str(job.out)]
    return [*command, *folders, "--workers", str(job.workers)]


def _child(python: str, action: str, module: str, job: Job) -> list[str]:
    folders = [str(job.raw), str(job.out), str(job.scratch)]
    return [python, "-m", "preprocess.child", action, module, *folders, str(job.workers)]


def _shardmill(counts: str) -> tuple[Contender, ...]:
    return (
        Contender("shardmill", "shardmill", counts),
        Contender("shardmill, 2 workers", "shardmill", counts, workers=2),
        Contender("shardmill, up to date", "shardmill", counts, again=True),
    )


def _peer(name: str, package: str, module: str, workers: int = 1) -> Contender:
    return Contender(name, package, module, module, workers)


# The first of each is what the others are compared with.
TEXT: tuple[Contender, ...] = (
    *_shardmill("text_shardmill"),
    Contender("limit: parse the CSV file", "pyarrow", None, "text_limit"),
    _peer("polars", "polars", "text_polars"),
    _peer("HF datasets and tokenizers", "datasets", "text_huggingface"),
    _peer("HF datasets and tokenizers, 2 processes", "datasets", "text_huggingface", 2),
    _peer("per-row code", "torch", "text_per_row"),
    _peer("per-row code, litdata", "litdata", "text_litdata"),
    Contender(
        "per-row code, mosaicml streaming",
        "mosaicml-streaming",
        "text_mosaicml",
        "text_mosaicml",
        environment=MOSAICML,
    ),
)
IMAGES: tuple[Contender, ...] = (
    *_shardmill("image_shardmill"),
    Contender("limit: decompress the files", "numpy", None, "image_limit"),
    _peer("HF datasets", "datasets", "image_huggingface"),
    _peer("per-row code", "torch", "image_per_row"),
)
