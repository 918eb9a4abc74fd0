"""`shardmill clean`."""

from pathlib import Path

import click

from shardmill.cli import options


@click.command("clean")
@options.recipes
@options.raw
@options.out
@options.workers
@options.force
@options.dry_run
@options.as_json
@options.quiet
def command(
    recipes: tuple[str, ...],
    raw: Path,
    out: Path,
    workers: int,
    force: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Clean raw files into Parquet, without touching what readers see."""
    from shardmill.cli.output import print_outcomes, progress_bars
    from shardmill.pipeline.build_artifacts import BuildOptions, build_artifacts, find_sources

    sources = find_sources(recipes, raw=raw)
    with progress_bars(quiet=quiet) as progress:
        settings = BuildOptions(
            out=out,
            workers=workers,
            force=force,
            dry_run=dry_run,
            progress=progress,
            stages=("clean",),
        )
        outcomes = build_artifacts(sources, settings)
    print_outcomes(outcomes, as_json=as_json, quiet=quiet)
