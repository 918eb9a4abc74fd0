"""What is wrong with a column of a recipe: keys that do not fit together."""

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime

from shardmill.recipe.names import listed
from shardmill.recipe.number_format import NUMBER_KEYS
from shardmill.recipe.tabular_column import Column, Scalar
from shardmill.recipe.time_format import directives, format_fault
from shardmill.recipe.time_zone import zone_fault

_OF_A_DAY = ("hour", "minute", "second")


def column_faults(name: str, column: Column, missing: Collection[str]) -> Iterator[str]:
    """Yield the faults in a column of features.

    Args:
        name: The name of the column.
        column: The column.
        missing: The spellings of a missing cell in the column.
    """
    path = f"columns.{name}"
    if column.dtype == "str" and column.map is None and column.categories is None:
        yield f"{path}: a column of str needs a map or categories, or drop = true"
    if column.map is not None and column.categories is not None:
        yield f"{path}: has a map and categories, one of them is enough"
    yield from _misplaced(path, column)
    if column.missing in ("median", "mean") and column.dtype in ("str", "bool"):
        kind = {"str": "strings", "bool": "bools"}[column.dtype]
        yield f"{path}.missing: {kind} have no {column.missing}"
    if column.missing == "constant" and column.fill is None:
        yield f'{path}: missing = "constant" needs a fill'
    unreadable = ""
    if column.format is not None and column.dtype in ("date", "timestamp"):
        unreadable = format_fault(column.format, column.dtype)
    if column.timezone is not None and (fault := zone_fault(column.timezone)):
        yield f"{path}.timezone: {fault}"
    if unreadable:
        yield f"{path}.format: {unreadable}"
    elif column.fill is not None and (fault := _fill_fault(column)):
        yield f"{path}.fill: {fault}"
    yield from _text_faults(path, column, missing)
    if (column.true is None) != (column.false is None):
        yield f"{path}: true and false are given together"
    true, false = ({text.lower() for text in side} for side in column.spellings())
    if twice := sorted(true & false):
        yield f"{path}: {twice[0]!r} is spelt for true and for false"
    rare = column.min_freq > 1 or column.max_categories is not None
    if rare and column.unseen == "error":
        yield f"{path}.unseen: what min_freq or max_categories leave out must be unknown"


def _text_faults(path: str, column: Column, missing: Collection[str]) -> Iterator[str]:
    # Yields the texts that no cell can be, since cells are compared without white space around
    # them and some are missing.
    no_cells = {text.strip() if column.strip else text for text in missing}
    stated = column.categories if isinstance(column.categories, tuple) else ()
    fill = (column.fill,) if column.dtype == "str" and isinstance(column.fill, str) else ()
    known = {
        "true": column.spellings()[0] if column.dtype == "bool" else (),
        "false": column.spellings()[1] if column.dtype == "bool" else (),
        "map": tuple(column.map or ()),
        "categories": stated,
    }
    for key, texts in {**known, "fill": fill}.items():
        for text in texts:
            if column.strip and text != text.strip():
                yield (
                    f"{path}.{key}: {text!r} has white space around it, and cells are compared "
                    "without it"
                )
            elif text in no_cells and key != "fill" and text not in fill:
                yield f"{path}.{key}: {text!r} is how a missing cell is written"


def _misplaced(path: str, column: Column) -> Iterator[str]:
    # Yields the keys that mean nothing in such a column.
    is_time = column.dtype in ("date", "timestamp")
    is_number = column.dtype in ("int64", "float64") or (is_time and not column.parts)
    reads_numbers, keys = column.reads_numbers(), sorted(NUMBER_KEYS)
    has_offset = column.unit in ("s", "ms", "us") or "z" in directives(column.format or "")
    learns = column.categories == "learn"
    timed = any(part in _OF_A_DAY for part in column.parts)
    needs: Iterable[tuple[str, bool, bool, str]] = (
        ("strip", not column.strip, column.dtype == "str", "dtype str"),
        *(
            (key, getattr(column, key) is not None, reads_numbers, "a dtype of numbers, or a unit")
            for key in keys
        ),
        ("map", column.map is not None, column.dtype == "str", "dtype str"),
        ("categories", column.categories is not None, column.dtype == "str", "dtype str"),
        ("min_freq", column.min_freq > 1, learns, 'categories = "learn"'),
        ("max_categories", column.max_categories is not None, learns, 'categories = "learn"'),
        ("unseen", column.unseen is not None, column.categories is not None, "categories"),
        ("encode", column.encode == "one_hot", column.categories is not None, "categories"),
        ("format", column.format is not None, is_time, "dtype date or timestamp"),
        ("timezone", column.timezone is not None, column.dtype == "timestamp", "dtype timestamp"),
        (
            "timezone",
            column.timezone is not None and has_offset,
            bool(column.parts),
            "parts, as all times have an offset",
        ),
        ("unit", column.unit is not None, is_time, "dtype date or timestamp"),
        ("unit", column.unit is not None, column.format is None, "no format, as cells are numbers"),
        ("parts", bool(column.parts), is_time, "dtype date or timestamp"),
        ("parts", is_time and timed, column.dtype == "timestamp", "dtype timestamp for the time"),
        ("true", column.true is not None, column.dtype == "bool", "dtype bool"),
        ("scale", column.scale != "none", is_number, "a column of numbers"),
        ("fill", column.fill is not None, column.missing == "constant", 'missing = "constant"'),
    )
    yield from (
        f"{path}.{key}: needs {what}" for key, said, fits, what in needs if said and not fits
    )


def _fill_fault(column: Column) -> str:
    fill, dtype = column.fill, column.dtype
    if dtype in ("date", "timestamp"):
        return "" if _is_time(fill, column) else f"must be a {dtype} as the cells have it"
    is_bool = isinstance(fill, bool)
    fits = {
        "int64": isinstance(fill, int) and not is_bool,
        "float64": isinstance(fill, int | float) and not is_bool,
        "str": isinstance(fill, str),
        "bool": is_bool,
    }
    known = column.categories if isinstance(column.categories, tuple) else column.map
    if not fits[dtype]:
        return f"must be a value of {dtype}"
    if known is not None and fill not in known:
        return f"must be one of {listed(known)}"
    return ""


def _is_time(fill: Scalar | None, column: Column) -> bool:
    if column.unit is not None:
        return isinstance(fill, int | float) and not isinstance(fill, bool)
    if not isinstance(fill, str):
        return False
    try:
        if column.format is not None:
            datetime.strptime(fill, column.format)
        else:
            (date if column.dtype == "date" else datetime).fromisoformat(fill)
    except ValueError:
        return False
    return True
