"""Describes rows of an artifact, ready for JSON: some of a split, or a single one."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from shardmill.errors import DamagedFileError
from shardmill.format.layout import Field
from shardmill.format.manifest import Manifest, SplitRecord
from shardmill.format.read_rows import (
    cleaned_rows,
    left_out_rows,
    ragged_row,
    spread_rows,
    tensor_rows,
)
from shardmill.format.shard_table import counts_of
from shardmill.recipe.any_recipe import RECIPE_KINDS, AnyRecipe

COUNTED = 2**20  # classes and lengths are those of at most so many rows
FIRST = 3  # so many rows are shown of a split
_VALUES = 64  # of a tensor
_REASONS = 10_000
_BINS = 10


def describe_split_rows(folder: Path, manifest: Manifest, name: str) -> dict[str, Any]:
    """Return facts about the rows of a split, of which a bounded number is read.

    They are: `classes`, how many rows each class has, and `lengths` of texts, both by field; how
    many rows were `counted` for both; the `reasons` of rows that were rejected; and the `first`
    rows. If a file cannot be read, `unreadable` says why.

    Args:
        folder: The folder of the artifact.
        manifest: Its manifest.
        name: The name of the split.
    """
    split = manifest.splits[name]
    facts: dict[str, Any] = {"counted": min(split.rows, COUNTED)}
    try:
        for field in split.fields:
            names = class_names(manifest, field)
            if field.role in ("class", "classes") and names:
                facts.setdefault("classes", {})[field.name] = _counts(folder, split, field, names)
            if field.ragged and split.rows:
                facts.setdefault("lengths", {})[field.name] = _lengths(folder, split, field)
        left_out = left_out_rows(folder, split, _REASONS) if split.rejected else []
        reasons = Counter(row["reason"] for row in left_out)
        facts["reasons"] = {
            reason: n for reason, n in reasons.most_common() if reason not in split.dropped
        }
        rows = range(min(split.rows, FIRST))
        facts["first"] = [describe_row(folder, manifest, name, row) for row in rows]
    except DamagedFileError as error:
        facts["unreadable"] = str(error)
    return facts


def describe_row(folder: Path, manifest: Manifest, name: str, row: int) -> dict[str, Any]:
    """Return one row as it was cleaned, and as tensors.

    Args:
        folder: The folder of the artifact.
        manifest: Its manifest.
        name: The name of the split.
        row: The number of the row, from 0.

    Raises:
        DamagedFileError: A file is missing, or is not what its record says.
    """
    split = manifest.splits[name]
    cleaned = cleaned_rows(folder, split, row, 1)
    return {
        "split": name,
        "row": row,
        "raw": {"files": _raw_files(manifest, name)},
        "cleaned": {
            key: _plain(value)
            for key, value in (cleaned or [{}])[0].items()
            if not isinstance(value, bytes)  # an image, which is its tensor
        },
        "tensors": {
            field.name: _tensor(folder, manifest, split, field, row) for field in split.fields
        },
    }


def class_names(manifest: Manifest, field: Field) -> tuple[str, ...]:
    """Return the names of the classes of a target; empty for an input or a number."""
    if not field.is_target:
        return ()
    if field.group is None:
        return manifest.classes or ()
    recipe = recipe_of(manifest)
    target = None if recipe is None else recipe.all_targets().get(field.group)
    return () if target is None else target.names()


def recipe_of(manifest: Manifest) -> AnyRecipe | None:
    """Return the recipe that an artifact was built from; None if its facts are damaged."""
    try:
        return RECIPE_KINDS[manifest.kind].model_validate_json(json.dumps(manifest.recipe))
    except ValidationError:
        return None


def _counts(
    folder: Path, split: SplitRecord, field: Field, names: tuple[str, ...]
) -> dict[str, int]:
    """Return how many rows have each class, of which a row may have several."""
    labels = spread_rows(folder, split, field.name, COUNTED)
    if field.role == "classes":
        counts = np.count_nonzero(labels, axis=0) if len(labels) else np.zeros(len(names), np.int64)
    else:
        whole = labels.astype(np.int64) if labels.dtype.kind in "iu" else np.zeros(0, np.int64)
        known = whole[(whole >= 0) & (whole < len(names))]
        counts = np.bincount(known, minlength=len(names))
    return dict(zip(names, counts.tolist(), strict=False))


def _lengths(folder: Path, split: SplitRecord, field: Field) -> dict[str, Any]:
    sizes = spread_rows(folder, split, f"{field.name}.sizes", COUNTED).astype(np.int64)
    least, median, most = (int(n) for n in np.quantile(sizes, [0, 0.5, 0.95]))
    counts = counts_of(split.shards, split.fields)
    longest = int(counts.longest[field.name].max())
    width = max(-(-(most - least + 1) // _BINS), 1)
    edges = [least + width * step for step in range(_BINS)]
    heights, _ = np.histogram(sizes, [*edges, max(longest, edges[-1]) + 1])
    bins = [
        {"from": edge, "to": after - 1, "rows": int(rows)}
        for edge, after, rows in zip(edges, [*edges[1:], longest + 1], heights, strict=True)
        if edge <= longest
    ]
    return {
        "least": least,
        "median": median,
        "mean": sum(counts.values[field.name].tolist()) / split.rows,
        "of_95_percent": most,
        "longest": longest,
        "histogram": bins,
    }


def _tensor(
    folder: Path, manifest: Manifest, split: SplitRecord, field: Field, row: int
) -> dict[str, Any]:
    if field.ragged:
        values = ragged_row(folder, split, field.name, row)
    else:
        values = tensor_rows(folder, split, field.name, row, row + 1)[0]
    flat = np.asarray(values).reshape(-1)
    facts: dict[str, Any] = {
        "dtype": field.dtype,
        "shape": list(np.shape(values)),
        "values": [_plain(value) for value in flat[:_VALUES].tolist()],
    }
    if flat.size > _VALUES:
        finite = flat[np.isfinite(flat)] if flat.dtype.kind == "f" else flat
        if finite.size:
            facts |= {"min": _plain(finite.min().item()), "max": _plain(finite.max().item())}
    names = class_names(manifest, field) if flat.size else ()
    if (
        field.role == "class"
        and flat.dtype.kind in "iu"
        and names
        and 0 <= int(flat[0]) < len(names)
    ):
        facts["class"] = names[int(flat[0])]
    elif field.role == "classes" and names:
        facts["classes"] = [n for n, is_of in zip(names, flat.tolist(), strict=False) if is_of]
    return facts


def _raw_files(manifest: Manifest, name: str) -> list[str]:
    """Return the paths of the raw files of a split, as its recipe has them."""
    recipe = recipe_of(manifest)
    said = None if recipe is None else recipe.splits.get(name)
    if recipe is None or said is None:
        return []
    source = said if said.hold_out is None else recipe.splits[said.hold_out.split]
    return [file.path for file in source.files()]


def _plain(value: Any) -> Any:
    """Return a value that JSON has."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | list | None) else str(value)
