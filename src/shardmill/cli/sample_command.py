"""`shardmill sample`."""

from pathlib import Path

import click

from shardmill.cli.command import Command, examples
from shardmill.cli.complete import complete_starters
from shardmill.cli.path_types import Here


@click.command("sample", cls=Command, epilog=examples("shardmill sample titanic --out data/raw"))
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_starters)
@click.option(
    "--out",
    type=Here("Write into a folder, and copy that there.", file_okay=False),
    default=Path("data/sample"),
    show_default=True,
    help="The folder in which to write the raw files.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The seed of all random choices. The same seed gives the same files.",
)
def command(names: tuple[str, ...], out: Path, seed: int) -> None:
    """Generate small synthetic raw files of the true formats.

    A model can learn from them. Artifacts made from them are marked as sample data. Without a
    name, the files of titanic, mnist and ag_news are generated.
    """
    from shardmill.pipeline.sample.write_sample import SAMPLE_DATASETS, write_sample

    unknown = [name for name in names if name not in SAMPLE_DATASETS]
    if unknown:
        known = ", ".join(SAMPLE_DATASETS)
        raise click.BadParameter(f"{unknown[0]!r} is none of {known}.", param_hint="NAME")
    for path in write_sample(out, names or SAMPLE_DATASETS, seed=seed):
        click.echo(path)
