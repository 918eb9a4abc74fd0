"""What the tests of bad input share."""

import struct
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from shardmill.cli import main

TABULAR = """
name = "toy"
kind = "tabular"
[columns]
size = { dtype = "float64" }
colour = { dtype = "str", map = { red = 0, blue = 1 } }
kept = { dtype = "int64" }
[target]
column = "kept"
classes = ["no", "yes"]
first = 0
[splits.train]
csv = { path = "train.csv" }
"""


IMAGE = """
name = "toy"
kind = "image"
[target]
classes = ["no", "yes"]
[splits.train]
images = { path = "images" }
labels = { path = "labels" }
"""


CSV = b"size,colour,kept\n1.5,red,0\n2.5,blue,1\n"


IMAGES = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2, 2, 2) + bytes(8)


LABELS = bytes([0, 0, 8, 1]) + struct.pack(">I", 2) + bytes([0, 1])


FOLDER = {
    "tabular.toml": TABULAR.encode(),
    "image.toml": IMAGE.encode(),
    "raw/train.csv": CSV,
    "raw/images": IMAGES,
    "raw/labels": LABELS,
}


def put(path: str, content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        assert (folder / path).read_bytes() != content
        (folder / path).write_bytes(content)

    return change


def edit(path: str, old: bytes, new: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = (folder / path).read_bytes()
        assert old in content
        (folder / path).write_bytes(content.replace(old, new, 1))

    return change


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def preprocess(folder: Path, recipe: str, out: Path) -> Result:
    return run("preprocess", folder / f"{recipe}.toml", "--raw", folder / "raw", "--out", out)


def check_refusal(refused: Result, code: int, where: Path, message: str) -> None:
    assert refused.exit_code == code, refused.output
    assert refused.stdout == ""
    assert refused.stderr.startswith("error: ")
    assert str(where) in refused.stderr.splitlines()[0]
    assert message in refused.stderr
    assert "\n  to do " in refused.stderr
    assert "Traceback" not in refused.output and "unexpected" not in refused.output
