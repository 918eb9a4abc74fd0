"""Completes words of the command line for the shell: recipes, artifacts, models and settings.

A shell starts the command anew at each press of the Tab key. So nothing here imports numpy,
pyarrow, pandas or torch.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click
from click.shell_completion import CompletionItem

from shardmill.named import MODEL_NAME, RUNS

if TYPE_CHECKING:
    from pydantic import BaseModel


def complete_recipes(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the shipped recipes and the .toml files that start with the incomplete word."""
    shipped = complete_shipped(ctx, param, incomplete)
    folder = _folder_of(incomplete)
    own = _starting(map(str, folder.glob("*.toml")), incomplete)
    return [*shipped, *own] or [CompletionItem(incomplete, type="file")]


def complete_shipped(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[CompletionItem]:
    """Return the shipped recipes that start with the incomplete word."""
    from shardmill.recipe.load_recipe import shipped_recipes

    return _starting(shipped_recipes(), incomplete)


def complete_starters(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[CompletionItem]:
    """Return the recipes with sample data that start with the incomplete word."""
    from shardmill.recipe.load_recipe import STARTERS

    return _starting(STARTERS, incomplete)


def complete_artifacts(
    ctx: click.Context,
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[CompletionItem]:
    """Return names of artifacts in the folder that --artifacts gives, or else their paths."""
    folder = Path(ctx.params.get("artifacts") or "artifacts")
    known = _artifacts(folder)
    if names := _starting((path.name for path in known), incomplete):
        return names
    return _folders_starting([*known, *_artifacts(_folder_of(incomplete))], incomplete)


def complete_models(
    ctx: click.Context,
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[CompletionItem]:
    """Return names of runs with a model in the folder that --runs gives, or else their paths."""
    # `train` writes its runs to --out, and `export` has a file there.
    given = ctx.params.get("runs") or (ctx.params.get("out") if ctx.info_name == "train" else None)
    runs, folder = Path(given or RUNS), _folder_of(incomplete)
    known = sorted(runs.glob(f"*/model/{MODEL_NAME}"))
    if names := _starting((path.parent.parent.name for path in known), incomplete):
        return names
    near = [*folder.glob(f"*/model/{MODEL_NAME}"), *folder.glob(f"*/{MODEL_NAME}")]
    return _folders_starting((path.parent for path in (*known, *near)), incomplete)


def complete_settings(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[CompletionItem]:
    """Return the keys of all settings, as in `early_stopping.patience=`."""
    from shardmill.training.settings.settings import Settings

    return _starting((f"{key}=" for key in setting_keys(Settings)), incomplete)


def complete_loggers(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[CompletionItem]:
    """Return the loggers that can be added, after those that the list names already."""
    before, comma, _ = incomplete.rpartition(",")
    return _starting((f"{before}{comma}{name}" for name in ("tensorboard", "wandb")), incomplete)


def setting_keys(table: type["BaseModel"]) -> Iterator[str]:
    """Yield the keys of a table of settings, and of the tables in it with their path.

    Where a table has one of several forms, as the options of each architecture, the keys of all
    forms are yielded. A key that several forms have comes several times.
    """
    for key, field in table.model_fields.items():
        below = list(_tables_in(field.annotation))
        if not below:
            yield key
        for inner in below:
            yield from (f"{key}.{name}" for name in setting_keys(inner))


def _tables_in(annotation: object) -> Iterator[type["BaseModel"]]:
    """Yield the tables that a value may be, as both of `Transfer | Log | None`."""
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for choice in get_args(annotation):
        yield from _tables_in(choice)


def _artifacts(folder: Path) -> list[Path]:
    from shardmill.format.near_artifacts import artifacts_in

    return artifacts_in(folder)


def _folder_of(incomplete: str) -> Path:
    """Return the folder in which the last part of an incomplete path is to be found."""
    return Path(incomplete if incomplete.endswith("/") else Path(incomplete).parent)


def _folders_starting(paths: Iterable[Path], incomplete: str) -> list[CompletionItem]:
    """Return the paths that go on from the incomplete one; without any, let the shell look."""
    found = _starting(map(str, paths), incomplete)
    return found or [CompletionItem(incomplete, type="dir")]


def _starting(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    matching = {word for word in words if word.startswith(incomplete)}
    return [CompletionItem(word) for word in sorted(matching)]
