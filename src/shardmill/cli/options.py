"""Options and arguments that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from shardmill.cli.complete import complete_artifacts, complete_models, complete_recipes
from shardmill.cli.path_types import Anywhere, Here
from shardmill.urls import PathOrUrl

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


recipes: _Decorator = click.argument(
    "recipes",
    nargs=-1,
    metavar="[NAME or RECIPE.toml]...",
    shell_complete=complete_recipes,
)
names: _Decorator = click.argument(
    "names", nargs=-1, metavar="[ARTIFACT]...", shell_complete=complete_artifacts
)
artifacts: _Decorator = click.option(
    "--artifacts",
    type=Anywhere(file_okay=False),
    default=Path("artifacts"),
    show_default=True,
    help="The folder of the artifacts, or its URL.",
)
runs: _Decorator = click.option(
    "--runs",
    type=Anywhere(file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="The folder of the runs, or its URL.",
)
out: _Decorator = click.option(
    "--out",
    type=Anywhere(file_okay=False),
    default=Path("artifacts"),
    show_default=True,
    help="The folder in which each artifact gets a folder of its own, or a URL.",
)
workers: _Decorator = click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="How many processes work at the same time. The result is the same with any number.  "
    "[default: one for every 32 MiB of raw files, but not more than there are cores]",
)
engine: _Decorator = click.option(
    "--engine",
    type=click.Choice(["local", "ray", "dask"]),
    default="local",
    show_default=True,
    help="Where the work is done: by processes of this machine, or on a cluster of Ray or Dask. "
    "The result is the same.",
)
ray_address: _Decorator = click.option(
    "--ray-address",
    metavar="HOST:PORT",
    help="The Ray cluster.  [default: RAY_ADDRESS, or the one on this machine]",
)
dask_address: _Decorator = click.option(
    "--dask-address",
    metavar="ADDRESS",
    help="The Dask scheduler, as tcp://HOST:PORT.  [default: DASK_SCHEDULER_ADDRESS]",
)
scratch: _Decorator = click.option(
    "--scratch",
    metavar="URL",
    default="",
    help="Where the machines of a cluster leave files for each other, if they share no disk. The "
    "files are removed when the build ends.",
)
rows_per_shard: _Decorator = click.option(
    "--rows-per-shard",
    type=click.IntRange(min=1),
    help="How many rows a shard holds. The number is rounded up until shards start at page "
    "borders.  [default: enough rows for about 64 MiB, more if the split is large]",
)
force: _Decorator = click.option("--force", is_flag=True, help="Build even if nothing has changed.")
dry_run: _Decorator = click.option(
    "--dry-run", is_flag=True, help="Show what would be done and why, and change nothing."
)
target: _Decorator = click.option(
    "--target", metavar="COLUMN", help="The column to predict, of files without a recipe."
)
dataset_name: _Decorator = click.option(
    "--name", help="The name of the dataset.  [default: that of the file, or of its folder]"
)
model: _Decorator = click.argument(
    "folder", metavar="MODEL", type=Anywhere(), shell_complete=complete_models
)
batch_size: _Decorator = click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=1024,
    show_default=True,
    help="How many rows the model takes at once.",
)
cache: _Decorator = click.option(
    "--cache",
    type=Here("The cache is a folder of this machine.", file_okay=False),
    help="The folder into which files of URLs are brought.  [default: the user's folder of caches]",
)
as_json: _Decorator = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON, and an error as JSON too."
)
quiet: _Decorator = click.option("--quiet", is_flag=True, help="Print nothing but errors.")


def _given_folder_exists(ctx: click.Context, param: click.Parameter, value: PathOrUrl) -> PathOrUrl:
    """Refuse a folder that somebody named but that does not exist; the default need not exist."""
    if isinstance(value, str):
        return value
    given = ctx.get_parameter_source(param.name or "") is not click.core.ParameterSource.DEFAULT
    if given and not value.is_dir():
        raise click.BadParameter(f"there is no folder {str(value)!r}.", ctx, param)
    return value


raw: _Decorator = click.option(
    "--raw",
    type=Anywhere(),
    default=Path("data/raw"),
    show_default=True,
    callback=_given_folder_exists,
    help="The folder of the raw files, or its URL.",
)
