"""Finds what to build: recipes, and the folder of their raw files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shardmill.errors import MissingRawFileError, RecipeError
from shardmill.pipeline.builds.present_recipe import has_raw
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.load_recipe import load_recipe, shipped_recipes


@dataclass(frozen=True, slots=True)
class Sources:
    """Recipes and the folder of their raw files; `note` tells the user of a choice made."""

    recipes: tuple[AnyRecipe, ...]
    raw: Path
    note: str = ""


def find_sources(
    names: Sequence[str], *, raw: Path, sample: Path | None = None, dry_run: bool = False
) -> Sources:
    """Return what to build.

    Args:
        names: shipped recipes or paths of recipes; none means all shipped ones whose raw files
            are in `raw`.
        raw: folder of the raw files.
        sample: where to generate sample files, and take them from, if `raw` holds none at all.
        dry_run: generate nothing.

    Raises:
        MissingRawFileError: there are no raw files, and no sample was asked for.
        RecipeError: a recipe is not valid, or two have one name.
    """
    recipes = tuple(load_recipe(name) for name in names or shipped_recipes())
    _check_names(names, recipes)
    present = tuple(recipe for recipe in recipes if has_raw(recipe, raw))
    if present and not names:
        absent = ", ".join(recipe.name for recipe in recipes if recipe not in present)
        return Sources(present, raw, f"no raw files of {absent} in {raw}" if absent else "")
    if present:
        return Sources(recipes, raw)
    if sample is not None and _has_sample(recipes):
        if dry_run and not all(has_raw(recipe, sample) for recipe in recipes):
            return Sources((), raw, f"no raw files in {raw}: would generate sample data")
        if not all(has_raw(recipe, sample) for recipe in recipes):
            _write_sample(sample, recipes)
        note = f"no raw files in {raw}: using generated SAMPLE DATA in {sample} instead"
        return Sources(recipes, sample, note)
    raise MissingRawFileError(
        raw,
        expected=f"raw files of {', '.join(recipe.name for recipe in recipes)}",
        found="none",
        fix="run `shardmill fetch`, or `shardmill sample` for synthetic ones, or check --raw",
    )


# What generates samples is imported only where there are no raw files.


def _has_sample(recipes: Sequence[AnyRecipe]) -> bool:
    from shardmill.pipeline.sample.write_sample import SAMPLE_DATASETS

    return all(recipe.name in SAMPLE_DATASETS for recipe in recipes)


def _write_sample(folder: Path, recipes: Sequence[AnyRecipe]) -> None:
    from shardmill.pipeline.sample.write_sample import write_sample

    write_sample(folder, [recipe.name for recipe in recipes])


def _check_names(names: Sequence[str], recipes: Sequence[AnyRecipe]) -> None:
    known: dict[str, str] = {}
    for name, recipe in zip(names, recipes, strict=False):
        if recipe.name in known:
            raise RecipeError(
                name,
                expected=f"another name than that of {known[recipe.name]}",
                found=f"{recipe.name} in both",
                fix="an artifact has the name of its recipe; rename one",
            )
        known[recipe.name] = name
