"""What the tests of preprocess share."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shardmill.format.manifest import Manifest
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.pipeline.builds.outcome import Outcome
from shardmill.recipe.load_recipe import parse_recipe

TABULAR = """
name = "toy"
kind = "tabular"
description = "before"
[columns]
size = { dtype = "float64", missing = "drop" }
colour = { dtype = "str", map = { red = 0, blue = 1 } }
note = { dtype = "str", drop = true }
kept = { dtype = "int64" }
[target]
column = "kept"
classes = ["no", "yes"]
first = 0
[splits.train]
csv = { path = "toy/train.csv" }
[splits.validation]
hold_out = { split = "train", fraction = 0.25 }
[splits.test]
optional = true
labelled = false
csv = { path = "toy/test.csv" }
"""


IMAGE = """
name = "toy"
kind = "image"
description = "before"
[target]
classes = ["no", "yes"]
[splits.train]
images = { path = "images" }
labels = { path = "labels" }
[splits.validation]
hold_out = { split = "train", fraction = 0.25 }
"""


TEXT = """
name = "toy"
kind = "text"
description = "before"
[csv]
header = false
[text]
columns = ["kept", "title", "body"]
join = ["title", "body"]
clean = ["lowercase"]
[target]
column = "kept"
classes = ["no", "yes"]
first = 1
[vocabulary]
min_freq = 1
[splits.train.csv]
path = "train.csv"
[splits.validation]
hold_out = { split = "train", fraction = 0.25 }
"""


ROWS = 40


def encode_idx(array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def write_tabular(raw: Path) -> None:
    (raw / "toy").mkdir()
    rows = [f"{n},{'red' if n % 3 else 'blue'},x,{n % 2}" for n in range(ROWS)]
    (raw / "toy/train.csv").write_text("\n".join(["size,colour,note,kept", *rows]))


def write_image(raw: Path) -> None:
    images = np.arange(ROWS * 6, dtype=np.uint8).reshape(ROWS, 2, 3)
    (raw / "images").write_bytes(encode_idx(images))
    (raw / "labels").write_bytes(encode_idx(np.arange(ROWS, dtype=np.uint8) % 2))


def write_text(raw: Path) -> None:
    (raw / "train.csv").write_text(
        "".join(f'{n % 2 + 1},"Word {n}",the end\n' for n in range(ROWS))
    )


class Toy:
    """A recipe and its raw files in a folder of their own."""

    def __init__(self, folder: Path, recipe: str, write: Callable[[Path], None]) -> None:
        self.raw, self.out, self.recipe = folder / "raw", folder / "out", recipe
        self.artifact = self.out / "toy"
        self.raw.mkdir(parents=True)
        write(self.raw)

    def build(
        self,
        *,
        out: Path | None = None,
        workers: int = 1,
        rows_per_shard: int | None = None,
        force: bool = False,
        stages: tuple[str, ...] = ("clean", "shard"),
    ) -> Outcome:
        options = BuildOptions(
            out=out or self.out,
            workers=workers,
            rows_per_shard=rows_per_shard,
            force=force,
            stages=stages,
        )
        sources = Sources((parse_recipe(self.recipe, where="toy.toml"),), self.raw)
        return build_artifacts(sources, options)[0]

    def manifest(self) -> Manifest:
        return Manifest.load(self.artifact)

    def table(self, split: str) -> pa.Table:
        (record,) = self.manifest().splits[split].parquet
        return pq.read_table(self.artifact / record.path)


KINDS = {
    "tabular": (TABULAR, write_tabular),
    "image": (IMAGE, write_image),
    "text": (TEXT, write_text),
}


def tree(folder: Path) -> dict[str, bytes]:
    """Every file but build.json, which says when and where, and the lock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("build.json", ".lock")
    }


def times(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
