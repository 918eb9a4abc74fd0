"""What readers rely on in a manifest, beyond the types of its keys; see FORMAT.md.

These rules are compared when a manifest is read, so nobody has to ask again. They look at the
manifest alone, never at the data, since opening takes microseconds.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shardmill.format.file_record import ShardRecord
from shardmill.format.layout import Field

_MOST_DIMENSIONS = 31  # numpy before version 2 has 32, one of which is the row
_MOST_VALUES = 2**59  # of 8 bytes and less each, so that 64 bits count the bytes
_WHOLE = ("uint8", "int8", "int16", "int32", "int64")


def field_faults(fields: Sequence[Field]) -> Iterator[str]:
    """Yield what is wrong with single fields."""
    for field in fields:
        if not field.is_named_by_role():
            yield f"field {field.name}: no field of role {field.role} is called so"
        shape = field.shape
        if shape and (
            field.ragged
            or min(shape) < 1
            or len(shape) > _MOST_DIMENSIONS
            or math.prod(shape) >= _MOST_VALUES
        ):
            yield f"field {field.name}: no tensor has this shape"


def shard_faults(
    fields: Sequence[Field], shards: Sequence[ShardRecord], *, rows: int, rows_per_shard: int
) -> Iterator[str]:
    """Yield what is wrong with the shards of a split.

    Args:
        fields: The fields of the split.
        shards: The records of its shards.
        rows: How many rows the split has.
        rows_per_shard: How many rows each of its shards has but the last.
    """
    held = [shard.rows for shard in shards]
    if sum(held) != rows:
        yield f"the shards hold {sum(held):,} rows, not {rows:,}"
    if any(n != rows_per_shard for n in held[:-1]) or max(held, default=1) > rows_per_shard:
        yield "only the last shard may hold another number of rows than the others"
    for shard in shards:
        counts = {"values": shard.values, "longest": shard.longest}
        for fault in count_faults(fields, shard.rows, **counts):
            yield f"{shard.path}: {fault}"


def count_faults(
    fields: Sequence[Field], rows: int, *, values: Mapping[str, int], longest: Mapping[str, int]
) -> Iterator[str]:
    """Yield what is wrong with the counts of a shard.

    Args:
        fields: The fields of the split.
        rows: How many rows the shard has.
        values: How many values all rows of each ragged field have together.
        longest: How many values the longest row of each ragged field has.

    Example:
        >>> fields = [Field.input("int32", ragged=True)]
        >>> list(count_faults(fields, 2, values={"x": 5}, longest={"x": 2}))
        ['2 rows of at most 2 values do not hold 5']
    """
    ragged = {field.name for field in fields if field.ragged}
    if set(values) != ragged or set(longest) != ragged:
        yield "must count the values of each ragged field"
        return
    for name, most in longest.items():
        # Readers make room for one longest row past the end.
        if not most <= values[name] <= most * rows:
            yield f"{rows:,} rows of at most {most:,} values do not hold {values[name]:,}"


def input_faults(kind: str, fields: Sequence[Field], features: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with the input fields of a kind.

    Args:
        kind: The kind of the artifact.
        fields: All fields of a split, or its inputs alone.
        features: The names of the features.

    Example:
        >>> list(input_faults("text", [Field.input("int32")], ["text"]))
        ['fields: each x of kind text is a ragged vector of ids']
    """
    inputs = [field for field in fields if not field.is_target]
    grouped = [field for field in inputs if field.group is not None]
    if not inputs or (grouped and (kind == "image" or len(grouped) < len(inputs))):
        yield f"fields: an artifact of kind {kind} has an x, or a group for each x.<group>"
    elif len({field.name for field in fields}) < len(fields):
        yield "fields: two have the same name"
    elif kind == "text" and not all(field.ragged and field.dtype in _WHOLE for field in inputs):
        yield "fields: each x of kind text is a ragged vector of ids"
    elif kind == "image" and any(field.ragged for field in inputs):
        yield "fields: no x of kind image is ragged"
    elif kind == "tabular":
        yield from _table_faults(inputs, features)


def _table_faults(inputs: Sequence[Field], features: Sequence[str]) -> Iterator[str]:
    fixed = [field for field in inputs if not field.ragged]
    columns = [field.shape[0] for field in fixed if len(field.shape) == 1]
    if len(columns) < len(fixed) or sum(columns) != len(features):
        yield f"fields: the {len(features)} features must be the columns of x"
    if any(field.ragged and (field.group is None or field.dtype not in _WHOLE) for field in inputs):
        yield "fields: each text of a table is an x.<column> of ids"


def target_faults(
    fields: Sequence[Field], *, labelled: bool, classes: Sequence[str] | None
) -> Iterator[str]:
    """Yield what is wrong with the target fields of a split.

    Args:
        fields: The fields of the split.
        labelled: Whether the split has a target.
        classes: The classes of the manifest.
    """
    targets = [field for field in fields if field.is_target]
    grouped = [field for field in targets if field.group is not None]
    if labelled != bool(targets):
        yield f"labelled: {str(labelled).lower()}, and the split has {len(targets)} targets"
    if grouped and len(grouped) < len(targets):
        yield "fields: there is a y, or a y.<target> for each target"
    if grouped and classes is not None:
        yield "fields: classes is null where there are several targets"
    for field in targets:
        if field.ragged:
            yield f"field {field.name}: no target is ragged"
        elif field.role == "class" and (field.shape or field.dtype not in _WHOLE):
            yield f"field {field.name}: a class is a whole number"
        elif field.role == "classes" and (len(field.shape) != 1 or field.dtype != "uint8"):
            yield f"field {field.name}: several classes are a vector of uint8"
        elif field.role != "number" and field.group is None and not classes:
            yield f"field {field.name}: a class needs the names of the classes"
        elif (
            field.role == "classes" and field.group is None and field.shape != (len(classes or ()),)
        ):
            yield f"field {field.name}: not as many numbers as there are classes"


def recipe_faults(recipe: Mapping[str, Any], *, labelled: bool) -> Iterator[str]:
    """Yield what is wrong with the parts of a table's recipe that readers use.

    Args:
        recipe: The recipe of the manifest.
        labelled: Whether any split has targets.
    """
    columns, targets = recipe.get("columns"), recipe.get("targets", [])
    if not isinstance(columns, list) or not all(map(_is_column, columns)):
        yield "recipe.columns: must be tables, each with a name"
    if not isinstance(targets, list) or not all(_is_target(t, "name") for t in targets):
        yield "recipe.targets: must be tables, each with a name and perhaps classes"
    if labelled and "target" not in recipe and not targets:
        yield "recipe: must have a target or targets, since a split is labelled"
    if "target" in recipe and not _is_target(recipe["target"], "column"):
        yield "recipe.target: must be a table with a column or columns, and perhaps classes"


def target_column(recipe: Mapping[str, Any]) -> str:
    """Return the column of cleaned rows that holds the only target of a table.

    If each class has a column, it is called as the first of them.
    """
    target = recipe["target"]
    column: str = target["columns"][0] if "columns" in target else target["column"]
    return column


def _is_column(facts: Any) -> bool:
    named = isinstance(facts, dict) and isinstance(facts.get("name"), str)
    return named and isinstance(facts.get("map", {}), dict)


def _is_target(facts: Any, key: str) -> bool:
    if not isinstance(facts, dict):
        return False
    named = isinstance(facts.get(key), str)
    several = key == "column" and bool(facts.get("columns"))
    lists = (facts.get("classes", []), facts.get("columns", []))
    return named != several and all(
        isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists
    )
