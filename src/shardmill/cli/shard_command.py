"""`shardmill shard`."""

from pathlib import Path

import click

from shardmill.cli import options


@click.command("shard")
@options.recipes
@options.raw
@options.out
@options.workers
@options.rows_per_shard
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
    force: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Encode cleaned rows as shards and let readers see them. Needs `shardmill clean` first."""
    from shardmill.cli.output import print_outcomes, progress_bars
    from shardmill.pipeline.build_artifacts import BuildOptions, build_artifacts, find_sources

    sources = find_sources(recipes, raw=raw)
    with progress_bars(quiet=quiet) as progress:
        settings = BuildOptions(
            out=out,
            workers=workers,
            rows_per_shard=rows_per_shard,
            force=force,
            dry_run=dry_run,
            progress=progress,
            stages=("shard",),
        )
        outcomes = build_artifacts(sources, settings)
    print_outcomes(outcomes, as_json=as_json, quiet=quiet)
