"""`shardmill preprocess`."""

from pathlib import Path

import click

from shardmill.cli import options


@click.command("preprocess")
@options.recipes
@options.raw
@options.out
@options.workers
@options.rows_per_shard
@click.option(
    "--sample",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to generate sample files and use them if --raw holds no raw files at all.",
)
@options.force
@options.dry_run
@options.as_json
@options.quiet
def command(
    recipes: tuple[str, ...],
    raw: Path,
    out: Path,
    workers: int,
    rows_per_shard: int | None,
    sample: Path | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Build artifacts from raw files, doing only what is needed.

    Without a name, all shipped recipes whose raw files are there are built.
    """
    from shardmill.cli.output import print_outcomes, progress_bars
    from shardmill.pipeline.build_artifacts import BuildOptions, build_artifacts, find_sources

    sources = find_sources(recipes, raw=raw, sample=sample, dry_run=dry_run)
    if sources.note and not quiet:
        click.echo(sources.note, err=True)
    with progress_bars(quiet=quiet) as progress:
        settings = BuildOptions(
            out=out,
            workers=workers,
            rows_per_shard=rows_per_shard,
            force=force,
            dry_run=dry_run,
            progress=progress,
        )
        outcomes = build_artifacts(sources, settings)
    print_outcomes(outcomes, as_json=as_json, quiet=quiet)
