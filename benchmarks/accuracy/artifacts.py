"""The artifacts that models are trained on."""

from pathlib import Path

from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.recipe.load_recipe import parse_recipe, shipped_recipe_text

TITANIC_SPLITS = 10


def build_all(raw: Path, out: Path) -> dict[str, list[Path]]:
    """Return artifacts by kind of data: one each, but of tables one for each split of the rows.

    The splits of tables are those of the shipped recipe but for the seed of the hold-out.
    """
    titanic = shipped_recipe_text("titanic")
    if titanic.count("seed = 0") != 1:
        raise ValueError("the recipe of titanic has another seed than 0")
    splits = [titanic.replace("seed = 0", f"seed = {n}") for n in range(TITANIC_SPLITS)]
    return {
        "text": [_build(shipped_recipe_text("ag_news"), raw, out)],
        "images": [_build(shipped_recipe_text("mnist"), raw, out)],
        "tabular": [_build(text, raw, out / f"split-{n}") for n, text in enumerate(splits)],
    }


def _build(recipe: str, raw: Path, out: Path) -> Path:
    sources = Sources((parse_recipe(recipe, where="benchmark"),), raw)
    return build_artifacts(sources, BuildOptions(out=out))[0].artifact
