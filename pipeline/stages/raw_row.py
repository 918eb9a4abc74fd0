"""Finds the raw row that a row of an artifact was made from.

Parts and draws depend on the raw files and the recipe alone. So the part that holds the row is
cleaned once more, in memory, and its rows are counted. A build keeps nothing of where rows came
from, nor in which order the recipe names the splits that are held out, so every order is tried.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice, permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pyarrow as pa

from shardmill.errors import InputError
from shardmill.format.describe_rows import recipe_of
from shardmill.format.manifest import Manifest
from shardmill.format.read_rows import cleaned_rows
from shardmill.kinds.find_kind import find_kind
from shardmill.pipeline.builds.read_content import (
    Reading,
    is_known,
    known_files,
    read_contents,
    readable_contents,
)
from shardmill.pipeline.stages.share_rows import RowShares, kept_rows
from shardmill.pipeline.stages.split_parts import parts_of, source_to_clean
from shardmill.raw.cut_parts import Part
from shardmill.raw.raw_files import RawFiles, find_raw_files
from shardmill.raw.row_source import Place, RowSource
from shardmill.raw.work_sizes import DEFAULT_SIZES
from shardmill.recipe.any_recipe import AnyRecipe

_MOST_ORDERS = 24  # those of four splits
_AT = "\0row"  # a column for the positions of rows, which is no name of a column


class _Wanted(NamedTuple):
    """A row among those of its part.

    Attributes:
        owner: The split whose files the row is in.
        share: The split among whose rows of the part it is counted.
        part: The number of the part.
        row: The number of the row, from 0.
    """

    owner: str
    share: str
    part: int
    row: int


def raw_row(artifact: Path, manifest: Manifest, split: str, row: int) -> Place | None:
    """Return where the raw row stands that a row was made from, and its text.

    Args:
        artifact: The folder of the artifact.
        manifest: Its manifest.
        split: The name of a split.
        row: The number of a row of it, from 0.

    Returns:
        The place, or None if that is not sure: a raw file is gone or has changed since the build,
        or this version of shardmill makes another row of it.
    """
    recipe = recipe_of(manifest)
    raw = None if recipe is None else _unchanged_files(recipe, artifact)
    if recipe is None or raw is None:
        return None
    hold_out = recipe.splits[split].hold_out
    owner = split if hold_out is None else hold_out.split
    stored = cleaned_rows(artifact, manifest.splits[split], row, 1)
    try:
        with TemporaryDirectory(prefix="shardmill-") as copies:
            contents = read_contents(recipe, raw, artifact=artifact, reading=Reading(None))
            readable = readable_contents(recipe, contents, Path(copies))
            source = source_to_clean(recipe, owner, readable)
            for ordered in _orders(recipe, owner):
                place, again = _follow(ordered, source, _wanted(ordered, manifest, split, row))
                if [again] == stored:
                    return place
    except (InputError, OSError):
        pass
    return None


def _orders(recipe: AnyRecipe, owner: str) -> Iterator[AnyRecipe]:
    """Yield the recipe with the splits that are held out of one in every order."""
    held_out = [name for name, split in recipe.splits.items() if split.hold_out_of(owner)]
    others = {name: split for name, split in recipe.splits.items() if name not in held_out}
    for names in islice(permutations(held_out), _MOST_ORDERS):
        splits = {**others, **{name: recipe.splits[name] for name in names}}
        yield recipe.model_copy(update={"splits": splits})


def place_facts(place: Place) -> dict[str, Any]:
    """Return a place for JSON: its file, its line or row if it has a number, and its text."""
    number = {place.unit: place.number} if place.unit else {}
    return {"file": str(place.file), **number, "text": place.text}


def _unchanged_files(recipe: AnyRecipe, artifact: Path) -> RawFiles | None:
    """Return the raw files if they are where they were when they were built from, and as then."""
    known = known_files(artifact)
    depth = len(Path(recipe.row_files()[0].path).parts)
    folders = {Path(path).parents[depth - 1] for path in known if len(Path(path).parts) >= depth}
    for folder in sorted(folders):
        raw = find_raw_files(recipe, folder)
        if all(raw.of(file) for file in recipe.files()) and is_known(recipe, raw, artifact):
            return raw
    return None


def _wanted(recipe: AnyRecipe, manifest: Manifest, split: str, row: int) -> _Wanted:
    hold_out = recipe.splits[split].hold_out
    owner = split if hold_out is None else hold_out.split
    part = 0
    for record in manifest.splits[split].parquet:
        part = _part(record.path)
        if row < record.rows:
            break
        row -= record.rows
    if hold_out is None or not hold_out.last:
        return _Wanted(owner, split, part, row)
    # Last rows stand behind those that stay, in the order of the recipe.
    for name, other in recipe.splits.items():
        last = other.hold_out is not None and other.hold_out.last
        if name == owner or (last and other.hold_out_of(owner)):
            if name == split:
                break
            row += sum(r.rows for r in manifest.splits[name].parquet if _part(r.path) == part)
    return _Wanted(owner, owner, part, row)


def _part(path: str) -> int:
    return int(Path(path).stem.rpartition("-")[2])


def _follow(
    recipe: AnyRecipe, source: RowSource, wanted: _Wanted
) -> tuple[Place | None, Mapping[str, Any]]:
    """Return the place of a row, and the cleaned row that is made of it."""
    passed = 0
    for part in islice(parts_of(source, DEFAULT_SIZES), wanted.part, wanted.part + 1):
        for chunk, table in _shared(recipe, source, wanted, part):
            if wanted.row < passed + len(table):
                found = table.slice(wanted.row - passed, 1).to_pylist()[0]
                (place,) = source.places(chunk, [found.pop(_AT)], "")
                return place, found
            passed += len(table)
    return None, {}


def _shared(
    recipe: AnyRecipe, source: RowSource, wanted: _Wanted, part: Part
) -> Iterator[tuple[Any, pa.Table]]:
    """Yield the chunks of a part, each with the share of the wanted split, as in `clean_part`."""
    shares = RowShares(recipe, wanted.owner, part.index)
    for chunk in part.chunks:
        raw = source.read(chunk).table
        cleaned = find_kind(recipe).clean(recipe, raw, labelled=shares.labelled)
        places = pa.array(kept_rows(cleaned, len(raw)), pa.int64())
        placed = replace(cleaned, table=cleaned.table.append_column(_AT, places))
        yield chunk, dict(zip(shares.names, shares.of(placed, raw), strict=True))[wanted.share]
