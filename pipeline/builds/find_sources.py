"""Finds what to build: recipes, and the folder of their raw files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from shardmill.errors import MissingRawFileError, RecipeError
from shardmill.pipeline.builds.build_run import Progress, no_progress
from shardmill.pipeline.builds.named_by_urls import named_by_urls
from shardmill.raw.raw_files import RawFiles, find_raw_files
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.load_recipe import STARTERS, load_recipe, shipped_recipes
from shardmill.urls import PathOrUrl, is_url


@dataclass(frozen=True, slots=True)
class Sources:
    """Recipes and the folder of their raw files.

    Attributes:
        recipes: The recipes.
        raw: The folder of the raw files.
        note: What to tell the user of a choice that was made; empty if there was none.
        found: The raw files that were found already, by the name of the recipe.
        raw_url: The URL that the files in `raw` were brought from; empty for files of here.
    """

    recipes: tuple[AnyRecipe, ...]
    raw: Path
    note: str = ""
    found: Mapping[str, RawFiles] = field(default_factory=dict)
    raw_url: str = ""

    def raw_files(self, recipe: AnyRecipe) -> RawFiles:
        """Return the raw files of one of the recipes; they are looked up if that was not done."""
        found = self.found.get(recipe.name) or find_raw_files(recipe, self.raw)
        return replace(found, url=self.raw_url)


def find_sources(
    names: Sequence[str],
    *,
    raw: PathOrUrl,
    sample: Path | None = None,
    dry_run: bool = False,
    cache: Path | None = None,
    progress: Progress = no_progress,
) -> Sources:
    """Return what to build.

    Raw files at a URL are brought to this machine, as far as they are not here already.

    Args:
        names: The names of shipped recipes, or paths or URLs of recipes. Without any, all shipped
            recipes are built whose raw files are in `raw`.
        raw: The folder of the raw files, or its URL.
        sample: The folder in which to generate sample files, and from which to build, if `raw`
            holds no raw files at all.
        dry_run: Whether to generate nothing.
        cache: The folder for raw files of URLs; None for the user's folder of caches.
        progress: A function that is told how many of their bytes have come.

    Raises:
        MissingRawFileError: There are no raw files, and no sample was asked for.
        RecipeError: A recipe is not valid, or two recipes have one name.
        StorageError: The store of a URL refused or failed.
        OutputError: The folder for raw files cannot be written.
    """
    recipes = tuple(load_recipe(name) for name in names or shipped_recipes())
    _check_names(names, recipes)
    if not is_url(raw):
        return _find(recipes, Path(raw), sample, are_named=bool(names), dry_run=dry_run)
    # Few builds need it.
    from shardmill.pipeline.builds.bring_raw import bring_raw

    here = bring_raw(recipes, str(raw), cache, progress=progress)
    with named_by_urls({here: str(raw)}):
        sources = _find(recipes, here, sample, are_named=bool(names), dry_run=dry_run)
    return replace(sources, raw_url=str(raw)) if sources.raw == here else sources


def _find(
    recipes: tuple[AnyRecipe, ...],
    raw: Path,
    sample: Path | None,
    *,
    are_named: bool,
    dry_run: bool,
) -> Sources:
    """Return which of the recipes to build from which folder; see `find_sources`."""
    found = {recipe.name: find_raw_files(recipe, raw) for recipe in recipes}
    present = tuple(recipe for recipe in recipes if _has_rows(recipe, found[recipe.name]))
    if present and not are_named:
        return Sources(present, raw, _note(recipes, present, raw), found)
    if not present and not are_named:
        recipes = tuple(recipe for recipe in recipes if recipe.name in STARTERS)
    if present:
        return Sources(recipes, raw, found=found)
    if sample is not None and _has_sample(recipes):
        whole = all(_has_rows(recipe, find_raw_files(recipe, sample)) for recipe in recipes)
        if dry_run and not whole:
            return Sources((), raw, f"no raw files in {raw}: would generate sample data")
        if not whole:
            _write_sample(sample, recipes)
        note = f"no raw files in {raw}: using generated SAMPLE DATA in {sample} instead"
        return Sources(recipes, sample, note)
    if are_named and not any(file.urls for recipe in recipes for file in recipe.files()):
        # The build names the file and what lies beside it.
        return Sources(recipes, raw, found=found)
    raise MissingRawFileError(
        raw,
        expected=f"raw files of {', '.join(recipe.name for recipe in recipes)}"
        + ("" if are_named else " or another shipped recipe"),
        found="none",
        fix="run `shardmill fetch`, or `shardmill sample` for synthetic ones, or check --raw",
    )


def _note(recipes: Sequence[AnyRecipe], present: Sequence[AnyRecipe], raw: Path) -> str:
    """Return a note on recipes whose folder is there, but without their raw files."""
    absent = [r for r in recipes if r not in present]
    named = [r.name for r in absent if (raw / Path(r.row_files()[0].path).parts[0]).is_dir()]
    return f"no raw files of {', '.join(named)} in {raw}" if named else ""


def _has_rows(recipe: AnyRecipe, raw: RawFiles) -> bool:
    return raw.any_of(recipe.row_files())


# What generates samples is imported only if there are no raw files.


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
