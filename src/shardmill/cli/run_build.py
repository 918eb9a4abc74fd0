"""What preprocess, clean and shard have in common."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from shardmill.cli import options

_SHARED = (
    options.recipes,
    options.raw,
    options.out,
    options.workers,
    options.force,
    options.dry_run,
    options.as_json,
    options.quiet,
)


def build_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a build."""
    for option in reversed(_SHARED):
        command = option(command)
    return command


def run_build(
    stages: tuple[str, ...],
    *,
    recipes: tuple[str, ...],
    raw: Path,
    as_json: bool,
    quiet: bool,
    sample: Path | None = None,
    **settings: Any,
) -> None:
    """Run stages of a build and print what was done; `settings` are those of `BuildOptions`."""
    # numpy's threads for matrices, of which there are none here, would wait for some at full speed.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from shardmill.cli.output import print_outcomes, progress_bars
    from shardmill.pipeline.builds.build_artifacts import BuildOptions, Outcome, build_artifacts
    from shardmill.pipeline.builds.find_sources import find_sources

    sources = find_sources(recipes, raw=raw, sample=sample, dry_run=settings["dry_run"])
    if sources.note and not quiet:
        click.echo(sources.note, err=True)
    done: list[Outcome] = []
    try:
        with progress_bars(quiet=quiet) as progress:
            how = BuildOptions(stages=stages, progress=progress, **settings)
            build_artifacts(sources, how, on_done=done.append)
    finally:  # also what was built before or after a failure
        print_outcomes(done, as_json=as_json, quiet=quiet)
