"""Tables of a recipe whose order counts: columns, targets and groups."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from shardmill.recipe.names import distinct


def tables_from_list(tables: Any) -> Any:
    """Return tables by name. They are a list if `as_list` wrote them, and by name in TOML.

    Raises:
        ValueError: A table of a list has no name, or the name of another one.
    """
    tables = _with_tuples(tables)
    if not isinstance(tables, tuple):
        return tables
    if not all(isinstance(t, dict) and isinstance(t.get("name"), str) for t in tables):
        raise ValueError("must be tables, each with its name")
    distinct(tuple(t["name"] for t in tables))
    return {t["name"]: {k: v for k, v in t.items() if k != "name"} for t in tables}


def _with_tuples(facts: Any) -> Any:
    # After a validator of our own, pydantic's strict mode takes no list for a tuple.
    if isinstance(facts, dict):
        return {key: _with_tuples(value) for key, value in facts.items()}
    return tuple(map(_with_tuples, facts)) if isinstance(facts, list | tuple) else facts


def as_list(tables: Mapping[str, BaseModel]) -> list[dict[str, Any]]:
    """Return tables as a list, each with its name.

    The order of tables is that of features and fields. JSON with sorted keys would lose it.
    """
    return [
        {"name": name, **table.model_dump(mode="json", exclude_defaults=True)}
        for name, table in tables.items()
    ]


def group_of_names(group: Any) -> Any:
    """Return a group as a table. In TOML it may be a list of its columns."""
    return {"columns": group} if isinstance(group, tuple) else group
