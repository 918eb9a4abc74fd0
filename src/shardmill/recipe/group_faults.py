"""What is wrong with the groups of features of a table."""

from collections.abc import Iterator, Mapping, Sequence

from shardmill.format.layout import DTypeName
from shardmill.recipe.names import listed
from shardmill.recipe.tabular_column import Column, close_match


def group_faults(
    groups: Mapping[str, tuple[Sequence[str], DTypeName | None]],
    columns: Mapping[str, Column],
    *,
    kept: Sequence[str],
    is_open: bool,
) -> Iterator[str]:
    """Yield the faults of groups.

    Args:
        groups: The columns of each group, and the dtype that it states.
        columns: The columns of the table.
        kept: The columns that are features.
        is_open: Whether the table has other columns, which the build finds in the files.
    """
    if not groups:
        return
    used = [name for names, _ in groups.values() for name in names]
    for group, (names, dtype) in groups.items():
        for name in names:
            column = columns.get(name)
            if column is not None and column.dtype == "text":
                yield f"groups.{group}: {name!r} is a text, which is a field of its own"
            elif name not in kept and not is_open:
                yield f"groups.{group}: {name!r} is no feature{close_match(name, kept)}"
            elif dtype is not None and not _fits(column, dtype):
                yield f"groups.{group}.dtype: {name!r} is not of whole numbers"
    if twice := sorted({name for name in used if used.count(name) > 1}):
        yield f"groups: more than one has {listed(twice)}"
    if left := [name for name in kept if name not in used]:
        yield f"groups: none has {listed(left)}"


def _fits(column: Column | None, dtype: DTypeName) -> bool:
    # There is no column if the build looks into the file.
    return column is None or dtype.startswith("float") or column.is_whole()
