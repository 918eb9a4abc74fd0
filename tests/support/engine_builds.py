"""A table, images and texts, built in many small tasks wherever an engine runs them."""

from concurrent.futures import Executor
from pathlib import Path

from golden_build import RECIPES

from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.engine import Engine
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.raw.work_sizes import WorkSizes
from shardmill.recipe.load_recipe import parse_recipe

# Of so little that every kind has several tasks.
TINY = WorkSizes(chunk_bytes=8, smallest_part_bytes=16, row_group_rows=2)


def contents(folder: Path) -> dict[str, bytes]:
    """The content of all files of artifacts, except what may differ between equal builds."""
    files = (path for path in folder.rglob("*") if path.is_file())
    kept = (path for path in files if path.name not in ("build.json", ".lock"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in kept}


def build_all(raw: Path, out: Path, engine: Engine | Executor) -> dict[str, bytes]:
    recipes = tuple(parse_recipe(text, where=kind) for kind, text in RECIPES.items())
    build_artifacts(Sources(recipes, raw), BuildOptions(out=out, sizes=TINY, engine=engine))
    return contents(out)
