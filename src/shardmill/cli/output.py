"""Where output goes: results to stdout, everything else to stderr."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from shardmill.pipeline.builds.outcome import Outcome


def note_own_recipes(given: Sequence[str]) -> None:
    """Print a note for each name of a shipped recipe that stands for a file of the user's."""
    from shardmill.named import find_recipe
    from shardmill.recipe.load_recipe import shipped_recipes

    shipped = shipped_recipes()
    for name in given:
        meant = find_recipe(name, shipped)
        if name in shipped and meant not in (None, name):
            click.echo(f"note: {name} is {meant} here, not the shipped recipe", err=True)


def print_outcomes(outcomes: Sequence["Outcome"], *, as_json: bool, quiet: bool) -> None:
    """Print what a build did, one line for each dataset.

    Args:
        outcomes: The outcomes, in the order in which they are printed.
        as_json: Whether to print JSON instead of lines.
        quiet: Whether to leave out lines and notes. JSON is printed nevertheless.
    """
    if not quiet:
        for outcome in outcomes:
            for note in outcome.notes:
                click.echo(f"note: {outcome.name}: {note}", err=True)
    if as_json:
        print_json([outcome.to_dict() for outcome in outcomes])
    elif not quiet:
        width = max((len(outcome.name) for outcome in outcomes), default=0)
        for outcome in outcomes:
            click.echo(f"{outcome.name:<{width}}  {outcome.line()}")


def print_json(facts: Any) -> None:
    """Print facts as JSON to stdout."""
    click.echo(json.dumps(facts, indent=2, ensure_ascii=False))


@contextmanager
def open_binary(out: Path | None) -> Iterator[IO[bytes]]:
    """Open a file that takes its place once it is written whole, or stdout.

    Pipes and devices are written to directly.

    Args:
        out: The path of the file, or None for stdout.

    Raises:
        OutputError: The file cannot be written.
    """
    # /dev/stdout is stdout itself: opened anew, it would begin at the start of the file again.
    if out is None or is_same_file(out, 1):
        yield sys.stdout.buffer
        return
    from shardmill.training.saved.write_predictions import open_output

    with open_output(out, stream=True) as file:
        yield file


def is_same_file(path: Path, other: str | int) -> bool:
    """Say whether two files are the same one; False if either does not exist.

    Args:
        path: The path of the first file.
        other: The path of the second file, or its descriptor if it is open.
    """
    try:
        return os.path.samestat(path.stat(), os.stat(other))  # noqa: PTH116  a descriptor, too
    except OSError:
        return False


def require_libraries(what: str, names: Sequence[str], package: str) -> None:
    """Check that libraries are installed, without importing them.

    Args:
        what: What needs the libraries, for the message.
        names: The import names of the libraries.
        package: What pip must install to provide them.

    Raises:
        click.ClickException: A library is missing; the message says how to install it.
    """
    from importlib.util import find_spec

    missing = [name for name in names if find_spec(name) is None]
    if missing:
        needed = " and ".join(missing)
        raise click.ClickException(f"{what} needs {needed}: pip install '{package}'")
