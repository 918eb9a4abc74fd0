"""A dataset of texts that is cut into many parts and some shards, and what builds of it left."""

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shardmill.format.manifest import Manifest
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.pipeline.builds.outcome import Outcome
from shardmill.raw.work_sizes import WorkSizes
from shardmill.recipe.load_recipe import parse_recipe

RECIPE = """
name = "toy"
kind = "text"
csv = { header = false }
target = { column = "label", classes = ["no", "yes"], first = 1 }
splits.train.csv.path = "train.csv"
splits.validation.hold_out = { split = "train", fraction = 0.2 }
[text]
columns = ["label", "title", "body"]
join = ["title", "body"]
clean = ["lowercase"]
[vocabulary]
max_tokens = 500
"""
WORDS = [f"word{n}" for n in range(700)] + ["Été", "Straße", "naïve", "it's", "end.", "a, b"]


def csv_rows(n: int, seed: int = 0) -> list[str]:
    """Rows of a class, a title and a body; some bodies are of two lines."""
    draw = random.Random(seed)
    return [
        f'{draw.randint(1, 2)},"{" ".join(draw.choices(WORDS, k=2))}",'
        f'"{" ".join(draw.choices(WORDS, k=3))}{chr(10) * (draw.random() < 0.1)} ""{row}"""\n'
        for row in range(n)
    ]


# Small chunks and parts, of which a small file has several.
SMALL = WorkSizes(chunk_bytes=20_000, smallest_part_bytes=60_000)


def build(recipe: str, raw: Path, out: Path, **options: Any) -> Outcome:
    """Build one artifact below `out`."""
    sources = Sources((parse_recipe(recipe, where="toy.toml"),), raw)
    return build_artifacts(sources, BuildOptions(out=out, **options))[0]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but build.json, by path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "build.json"
    }


def cleaned(artifact: Path, split: str) -> pa.Table:
    """The cleaned rows of a split."""
    return _tables(artifact, (r.path for r in Manifest.load(artifact).splits[split].parquet))


def left_out(artifact: Path, split: str = "train") -> pa.Table:
    """The rows of a split that were left out."""
    return _tables(artifact, (r.path for r in Manifest.load(artifact).splits[split].left_out))


def _tables(artifact: Path, paths: Iterable[str]) -> pa.Table:
    tables = [pq.read_table(artifact / path) for path in paths]
    return pa.concat_tables([table.replace_schema_metadata() for table in tables])


def shards(artifact: Path) -> dict[str, bytes]:
    """Shards and vocabulary, by name."""
    paths = artifact.glob("shards-*/*")
    return {path.name: path.read_bytes() for path in paths if path.name != "raw.json"}


def parts(artifact: Path, split: str = "train") -> list[str]:
    """The names of the files of a split's cleaned rows."""
    return [r.path.split("/")[1] for r in Manifest.load(artifact).splits[split].parquet]


def remains(folder: Path) -> list[Path]:
    """What only a build that is running may have."""
    return [path for path in folder.rglob(".*") if path.name != ".lock"]
