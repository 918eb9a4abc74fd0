"""Takes raw files in the place of a recipe: `shardmill preprocess people.csv --target income`."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import click

from shardmill.errors import OutputError, UnreadableFileError
from shardmill.faults import hint
from shardmill.named import dataset_name
from shardmill.urls import PathOrUrl, is_url

_LISTED = 10
_LOOKED_AT = 100  # folders and files, to see whether a folder holds images


class GivenRecipes(NamedTuple):
    """Recipes to build, and the folder of their raw files.

    Attributes:
        recipes: The names or paths of recipes.
        raw: The folder of the raw files, or its URL.
    """

    recipes: tuple[str, ...]
    raw: PathOrUrl


def recipes_for(
    given: Sequence[str],
    raw: PathOrUrl,
    *,
    target: str | None,
    name: str | None,
    quiet: bool,
    cache: Path | None = None,
) -> GivenRecipes:
    """Return what to build for what was written after `shardmill preprocess`.

    For raw files, a recipe is made and written to NAME.toml in this folder, unless there is one
    already, which may have been corrected.

    Args:
        given: Names and paths of recipes, or raw files of one dataset.
        raw: The folder that --raw names, which is used for recipes.
        target: The column of the target of raw files.
        name: The name of the dataset of raw files.
        quiet: Whether to print nothing but errors.
        cache: The folder of the cache, for raw files at URLs; None for the usual one.

    Raises:
        StorageError: The store of a URL refused or failed.
        InputError: No recipe can be made for the files.
        OutputError: The recipe cannot be written.
    """
    are_files = {each for each in given if not each.endswith(".toml") and _is_raw(each)}
    urls = [each for each in given if is_url(each) and not each.endswith(".toml")]
    if urls:
        return _recipe_for_urls(given, urls, target=target, name=name, quiet=quiet, cache=cache)
    files = [Path(each) for each in given if each in are_files]
    for each in given:
        _check_there(each)
    if not files:
        if target is not None or name is not None:
            option = "--target" if target is not None else "--name"
            raise click.UsageError(f"{option}: needs raw files; a recipe says it itself.")
        return GivenRecipes(tuple(given), raw)
    if len(files) < len(given):
        other = next(each for each in given if each not in are_files)
        raise click.UsageError(f"{other!r} is no file: give recipes, or files of one dataset.")
    from shardmill.pipeline.infer.guess_splits import name_of
    from shardmill.pipeline.infer.infer_recipe import infer_recipe
    from shardmill.pipeline.infer.inferred import raw_folder

    is_folder = len(files) == 1 and files[0].is_dir()
    name = name or name_of([files[0].resolve() / part for part in "ab"] if is_folder else files)
    recipe = Path(f"{name}.toml")
    if recipe.is_file() and recipe.stat().st_size:
        _check_recipe(recipe, files, target)
        if not quiet:
            click.echo(f"using {recipe}, which is there already", err=True)
        return GivenRecipes((str(recipe),), raw_folder(files))
    inferred = infer_recipe(files, target=target, name=name)
    _write(recipe, inferred.text)
    if not quiet:
        _note(recipe, inferred.doubts)
    return GivenRecipes((str(recipe),), inferred.raw)


def _recipe_for_urls(
    given: Sequence[str],
    urls: Sequence[str],
    *,
    target: str | None,
    name: str | None,
    quiet: bool,
    cache: Path | None,
) -> GivenRecipes:
    if len(urls) < len(given):
        raise click.UsageError("Give recipes, or the URLs of all files of one dataset.")
    from shardmill.pipeline.builds.bring_raw import bring_files
    from shardmill.pipeline.builds.named_by_urls import named_by_urls

    brought = bring_files(urls, cache)
    name = name or brought.name()
    with named_by_urls({brought.folder: brought.url}):
        files = [str(file) for file in brought.files]
        made = recipes_for(files, brought.folder, target=target, name=name, quiet=quiet)
    return GivenRecipes(made.recipes, brought.url)


def _check_there(given: str) -> None:
    """Check that a path is there. Bare names, and recipes, are looked for later.

    Raises:
        UnreadableFileError: It is not.
    """
    path = Path(given)
    is_path = os.sep in given or path.suffix not in ("", ".toml")
    if given.endswith(".toml") or not is_path or os.path.exists(given):  # noqa: PTH110
        return
    near: list[str] = []
    with suppress(OSError):  # the folder is not there either, or the name is too long
        near = [str(other) for other in sorted(path.parent.iterdir())]
    raise UnreadableFileError(
        path,
        expected="a raw file, a folder of images or a recipe",
        found="no such file",
        fix=hint(given, near, "check the path"),
    )


def _is_raw(given: str) -> bool:
    """Say whether a path is a raw file or a folder of images, and no artifact, run or model."""
    # `os.path` says no to names that are too long, where `Path` raises.
    if os.path.isfile(given):  # noqa: PTH113
        return True
    is_folder = os.path.isdir(given) and given.strip("./")  # noqa: PTH112
    if not is_folder or dataset_name(f"{given}/") is not None:
        return False
    return any(_has_image(folder) for folder in (*_folders(given), *_folders(given, depth=2)))


def _folders(folder: str, *, depth: int = 1) -> Iterator[str]:
    """Yield the first folders in a folder, or in these."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in islice(entries, _LOOKED_AT):
            if not entry.name.startswith(".") and entry.is_dir():
                yield from (_folders(entry.path) if depth > 1 else (entry.path,))


def _has_image(folder: str) -> bool:
    from shardmill.raw.image_folder import ENDINGS

    with suppress(OSError), os.scandir(folder) as entries:
        names = (entry.name.lower() for entry in islice(entries, _LOOKED_AT))
        return any(name.endswith(ENDINGS) for name in names)
    return False


def _check_recipe(recipe: Path, files: Sequence[Path], target: str | None) -> None:
    """Compare a recipe that is there with what the user says now."""
    from shardmill.recipe.load_recipe import load_recipe

    known = load_recipe(str(recipe))
    names = {name for file in known.row_files() for name in file.path.split("/")}
    other = [file.name for file in map(Path.resolve, files) if file.name not in names]
    if other:
        raise click.UsageError(
            f"{recipe} is there already, and is not for {other[0]}: choose another --name."
        )
    targets = tuple(known.all_targets())
    if target is not None and target not in targets and known.kind != "image":
        raise click.UsageError(
            f"--target: {recipe} is there already, with the target {', '.join(targets) or 'none'}. "
            f"Correct it, remove it, or choose another --name."
        )


def _write(recipe: Path, text: str) -> None:
    from shardmill.atomic import replace_file

    try:
        replace_file(recipe, text.encode())
    except OSError as error:
        fix = "go to a folder in which you may write"
        raise OutputError.unwritable(recipe, error, fix=fix) from None


def _note(recipe: Path, doubts: Sequence[tuple[str, str]]) -> None:
    click.echo(f"wrote the recipe {recipe}", err=True)
    for where, reason in doubts[:_LISTED]:
        click.echo(f"  {where}: {reason}", err=True)
    if len(doubts) > _LISTED:
        click.echo(f"  and {len(doubts) - _LISTED:,} more, see its comments", err=True)
