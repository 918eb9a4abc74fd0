"""`shardmill preprocess`."""

from typing import Any

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.given_files import recipes_for
from shardmill.cli.path_types import Here
from shardmill.cli.run_build import build_options, run_build

_EXAMPLES = examples(
    "shardmill preprocess --sample data/sample",
    "shardmill preprocess people.csv --target income",
    "shardmill preprocess titanic bikes.toml --raw data/raw --out artifacts",
)


@click.command("preprocess", cls=Command, epilog=_EXAMPLES)
@build_options
@options.rows_per_shard
@options.target
@options.dataset_name
@click.option(
    "--sample",
    type=Here("Write into a folder, and copy that there.", file_okay=False),
    help="If --raw holds no raw files at all, generate sample files in this folder and use them.",
)
def command(target: str | None, name: str | None, **given: Any) -> None:
    """Build artifacts from raw files, doing only what is needed.

    Without a name, every shipped recipe is built whose raw files are there. Raw files of your own
    may stand in the place of a recipe, which is made for them then and written to NAME.toml; see
    `shardmill recipe infer`.
    """
    made = recipes_for(
        given.pop("recipes"),
        given.pop("raw"),
        target=target,
        name=name,
        quiet=given["quiet"],
        cache=given["cache"],
    )
    run_build(("clean", "shard"), recipes=made.recipes, raw=made.raw, **given)
