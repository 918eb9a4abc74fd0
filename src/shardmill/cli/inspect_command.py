"""`shardmill inspect`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.urls import PathOrUrl

if TYPE_CHECKING:
    from rich.console import Console

_IMAGES = 8
_MOST = 1_000  # rows that were left out, of a split
_EXAMPLES = examples(
    "shardmill inspect titanic",
    "shardmill inspect titanic --row train:123",
)


@click.command("inspect", cls=Command, epilog=_EXAMPLES)
@options.names
@options.artifacts
@click.option(
    "--row",
    metavar="SPLIT:NUMBER",
    help="Show one row: raw, cleaned and as tensors. Rows are counted from 0.",
)
@click.option(
    "--rejected", is_flag=True, help="List the rows that were left out: file, line, why, and text."
)
@options.cache
@options.as_json
def command(
    names: tuple[str, ...],
    artifacts: PathOrUrl,
    row: str | None,
    rejected: bool,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Show what an artifact holds.

    The card has its splits, fields, classes, statistics and raw files, and some rows. ARTIFACT is a
    name, a folder or a URL, of which the files that are needed are brought into a cache. Without
    one, all artifacts are shown, and --json prints a list.
    """
    from rich.console import Console

    from shardmill.cli.bring_shown import bring_shown
    from shardmill.cli.output import print_json
    from shardmill.format.find_artifacts import find_artifacts

    if row is not None and rejected:
        raise click.UsageError("--row and --rejected exclude each other.")
    found = bring_shown(find_artifacts(artifacts, names), cache, row)
    console = Console()
    if row is not None:
        _show_row(_only(found, "--row"), row, console, as_json=as_json)
    elif rejected:
        _show_left_out(_only(found, "--rejected"), console, as_json=as_json)
    elif as_json:
        from shardmill.format.describe_artifact import describe_artifact

        described = [describe_artifact(artifact) for artifact in found]
        print_json(described[0] if len(names) == len(described) == 1 else described)
    else:
        for index, artifact in enumerate(found):
            if index:
                click.echo()
            _show_card(artifact, console)


def _only(found: list[Path], option: str) -> Path:
    if len(found) != 1:
        raise click.UsageError(f"{option} needs one artifact, and these are {len(found)}.")
    return found[0]


def _show_card(artifact: Path, console: "Console") -> None:
    from shardmill.cli.print_card import heading, print_card
    from shardmill.cli.print_rows import row_lines
    from shardmill.format.describe_artifact import describe_artifact

    facts = describe_artifact(artifact)
    print_card(facts, console)
    rows = facts["splits"]["train"].get("first", [])
    if rows:
        console.print(heading("first rows"))
    for row in rows:
        for line in row_lines(row, console):
            console.print(line, no_wrap=True, overflow="ellipsis", highlight=False)
    _draw(artifact, "train", range(min(facts["splits"]["train"]["rows"], _IMAGES)), console)


def _draw(artifact: Path, name: str, rows: range, console: "Console") -> None:
    for line in _images(artifact, name, rows, console):
        console.print(line, no_wrap=True, overflow="crop", highlight=False)


def _images(artifact: Path, name: str, rows: range, console: "Console") -> Iterator[Any]:
    """Yield the lines of some rows of a split, if they are images."""
    from shardmill.format.manifest import Manifest

    manifest = Manifest.load(artifact)
    split = manifest.splits[name]
    field = next(field for field in split.fields if not field.is_target)
    is_image = manifest.kind == "image" and len(field.shape) == 3 and 0 not in field.shape
    if not is_image or not rows:
        return
    from shardmill.cli.draw_images import draw_images
    from shardmill.cli.visible import visible
    from shardmill.errors import DamagedFileError
    from shardmill.format.describe_rows import class_names
    from shardmill.format.read_rows import tensor_rows

    try:
        images = tensor_rows(artifact, split, field.name, rows.start, rows.stop)
        labels = [""] * len(rows)
        for target in split.fields:
            if (known := class_names(manifest, target)) and target.role == "class":
                numbers = tensor_rows(artifact, split, target.name, rows.start, rows.stop).tolist()
                labels = [visible(known[n]) if 0 <= n < len(known) else str(n) for n in numbers]
    except DamagedFileError:
        return  # the card says so
    yield from draw_images(images, labels, console)


def _show_row(artifact: Path, given: str, console: "Console", *, as_json: bool) -> None:
    from shardmill.cli.output import print_json
    from shardmill.cli.print_rows import print_row
    from shardmill.format.describe_rows import describe_row
    from shardmill.format.manifest import Manifest
    from shardmill.pipeline.stages.raw_row import place_facts, raw_row

    manifest = Manifest.load(artifact)
    split, colon, text = given.rpartition(":")
    split = split if colon else "train"
    if split not in manifest.splits:
        raise click.BadParameter(
            f"{split!r} is no split, one of {', '.join(manifest.splits)}.", param_hint="--row"
        )
    rows = manifest.splits[split].rows
    if not (text.isascii() and text.isdigit() and int(text) < rows):
        raise click.BadParameter(
            f"{text!r} is no row of {split}, which has {rows:,}, counted from 0.",
            param_hint="--row",
        )
    facts = describe_row(artifact, manifest, split, int(text))
    place = raw_row(artifact, manifest, split, int(text))
    facts["raw"]["place"] = None if place is None else place_facts(place)
    if as_json:
        print_json(facts)
    else:
        print_row(facts, list(manifest.features), console)
        _draw(artifact, split, range(int(text), int(text) + 1), console)


def _show_left_out(artifact: Path, console: "Console", *, as_json: bool) -> None:
    from shardmill.cli.output import print_json
    from shardmill.cli.print_rows import print_left_out
    from shardmill.format.manifest import Manifest
    from shardmill.format.read_rows import left_out_rows

    manifest = Manifest.load(artifact)
    rows = {name: left_out_rows(artifact, s, _MOST) for name, s in manifest.splits.items()}
    rows = {name: found for name, found in rows.items() if found}
    if as_json:
        print_json(rows)
        return
    print_left_out(rows, console)
    for name, found in rows.items():
        known = sum(record.rows for record in manifest.splits[name].left_out)
        if known > len(found):
            click.echo(f"and {known - len(found):,} more of {name}; see the Parquet files")
    if not rows:
        click.echo("no rows were left out")
