"""`shardmill sample`."""

from pathlib import Path

import click


@click.command("sample")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data/sample"),
    show_default=True,
    help="Folder to write the raw files to.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def command(names: tuple[str, ...], out: Path, seed: int) -> None:
    """Generate small synthetic raw files of the true formats, with signal to learn.

    Artifacts made from them are marked as sample data.
    """
    from shardmill.pipeline.sample.write_sample import SAMPLE_DATASETS, write_sample

    unknown = [name for name in names if name not in SAMPLE_DATASETS]
    if unknown:
        known = ", ".join(SAMPLE_DATASETS)
        raise click.BadParameter(f"{unknown[0]!r} is none of {known}.", param_hint="NAME")
    for path in write_sample(out, names or SAMPLE_DATASETS, seed=seed):
        click.echo(path)
