"""Runs the builds of `shardmill preprocess`, `clean` and `shard`."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shardmill.cli import options
from shardmill.startup import limit_blas_threads
from shardmill.urls import PathOrUrl

if TYPE_CHECKING:
    from shardmill.pipeline.builds.engine import Engine

_SHARED = (
    options.recipes,
    options.raw,
    options.out,
    options.cache,
    options.workers,
    options.engine,
    options.ray_address,
    options.dask_address,
    options.scratch,
    options.force,
    options.dry_run,
    options.as_json,
    options.quiet,
)


def build_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that all builds share."""
    for option in reversed(_SHARED):
        command = option(command)
    return command


def _engine(
    kind: str, ray_address: str | None, dask_address: str | None
) -> "AbstractContextManager[Engine | None]":
    for name, address in (("ray", ray_address), ("dask", dask_address)):
        if address is not None and kind != name:
            raise click.UsageError(f"--{name}-address goes with --engine {name}.")
    if kind == "local":
        return nullcontext(None)
    from shardmill.pipeline.builds.open_engine import open_engine

    return open_engine(kind, ray_address if kind == "ray" else dask_address)


def run_build(
    stages: tuple[str, ...],
    *,
    recipes: tuple[str, ...],
    raw: PathOrUrl,
    as_json: bool,
    quiet: bool,
    engine: str,
    ray_address: str | None,
    dask_address: str | None,
    sample: Path | None = None,
    **settings: Any,
) -> None:
    """Run stages of a build and print what was done.

    Args:
        stages: The stages to run: "clean", "shard" or both.
        recipes: The names or paths of the recipes; if empty, all shipped ones with raw files.
        raw: The folder of the raw files, or its URL.
        as_json: Whether to print the outcomes as JSON.
        quiet: Whether to print nothing but errors.
        engine: Where the tasks run: `local`, `ray` or `dask`.
        ray_address: The address of the Ray cluster; None to let Ray find one.
        dask_address: The address of the Dask scheduler; None to let Dask find one.
        sample: Where to write sample files if `raw` holds no raw files, or None not to.
        **settings: The other fields of `BuildOptions`.

    Raises:
        ShardmillError: A build failed. What the other builds did is printed first.
    """
    place = _engine(engine, ray_address, dask_address)
    if settings["scratch"] and engine == "local":
        raise click.UsageError("--scratch goes with --engine ray or dask.")
    limit_blas_threads()
    from shardmill.cli.output import note_own_recipes, print_outcomes
    from shardmill.cli.progress_bars import progress_bars
    from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
    from shardmill.pipeline.builds.find_sources import find_sources
    from shardmill.pipeline.builds.outcome import Outcome

    if not quiet:
        note_own_recipes(recipes)
    with progress_bars(quiet=quiet) as calls:
        sources = find_sources(
            recipes,
            raw=raw,
            sample=sample,
            dry_run=settings["dry_run"],
            cache=settings["cache"],
            progress=calls.progress,
        )
    if sources.note and not quiet:
        click.echo(sources.note, err=True)
    done: list[Outcome] = []
    try:
        with progress_bars(quiet=quiet) as calls, place as on:
            how = BuildOptions(
                stages=stages, progress=calls.progress, watch=calls.watch, engine=on, **settings
            )
            build_artifacts(sources, how, on_done=done.append)
    finally:  # If one build fails, the others are printed nevertheless.
        print_outcomes(done, as_json=as_json, quiet=quiet)
