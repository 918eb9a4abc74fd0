"""Runs commands on a small dataset."""

from pathlib import Path

from click.testing import CliRunner, Result

from shardmill.cli import main

RECIPE = """
name = "toy"
kind = "tabular"
[columns]
size = { dtype = "float64" }
kept = { dtype = "int64" }
[target]
column = "kept"
classes = ["no", "yes"]
first = 0
[splits.train]
csv = { path = "train.csv" }
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def done(*arguments: object) -> Result:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result


class Toy:
    """Arguments of a build in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.artifact = folder, folder / "out" / "toy"
        (folder / "raw").mkdir()
        (folder / "toy.toml").write_text(RECIPE)
        (folder / "raw/train.csv").write_text("size,kept\n1.5,0\n2.5,1\n")
        self.arguments = [folder / "toy.toml", "--raw", folder / "raw", "--out", folder / "out"]


def everything(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


# Help and hints.
