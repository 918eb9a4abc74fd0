"""Options that several commands share."""

from pathlib import Path

import click

recipes = click.argument("recipes", nargs=-1, metavar="[NAME or RECIPE.toml]...")
out = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("artifacts"),
    show_default=True,
    help="Folder of the artifacts, one folder each.",
)
workers = click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Processes at a time; the result is the same with any number.  "
    "[default: one for every 32 MiB of raw files, as many as there are cores at most]",
)
rows_per_shard = click.option(
    "--rows-per-shard",
    type=click.IntRange(min=1),
    help="Rounded up to what page borders need.  [default: about 64 MiB, or what they need]",
)
force = click.option("--force", is_flag=True, help="Build even if nothing has changed.")
dry_run = click.option("--dry-run", is_flag=True, help="Show what would be done and why.")
model = click.argument("folder", type=click.Path(path_type=Path))
batch_size = click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=1024,
    show_default=True,
    help="Rows of a batch.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout.")
quiet = click.option("--quiet", is_flag=True, help="Print errors only.")


def _given_folder_exists(ctx: click.Context, param: click.Parameter, value: Path) -> Path:
    # The default need not exist, a folder that somebody named must.
    given = ctx.get_parameter_source(param.name or "") is not click.core.ParameterSource.DEFAULT
    if given and not value.is_dir():
        raise click.BadParameter(f"there is no folder {str(value)!r}.", ctx, param)
    return value


raw = click.option(
    "--raw",
    type=click.Path(path_type=Path),
    default=Path("data/raw"),
    show_default=True,
    callback=_given_folder_exists,
    help="Folder of the raw files.",
)
