"""Recipes of tables: CSV files of mixed columns."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_serializer, field_validator, model_validator

from shardmill.recipe_facts import Recipe, without_faults
from shardmill.recipe_tables import ColumnTarget, Csv, Section

Missing = Literal["error", "drop", "keep", "median", "mean", "mode"]


class Column(Section):
    """One column of a tabular CSV file.

    Attributes:
        dtype: how its cells are read.
        drop: leave the column out of the artifact.
        map: number of each value that a cell may hold.
        missing: what to do about an empty cell: fail, drop the row, keep it as NaN, or put in
            the median, mean or most frequent value of the train split.
    """

    dtype: Literal["int64", "float64", "str"]
    drop: bool = False
    map: Annotated[dict[str, int], Field(min_length=1)] | None = None
    missing: Missing = "error"


class TabularRecipe(Recipe):
    """A CSV file of mixed columns."""

    kind: Literal["tabular"]
    csv: Csv = Csv()
    columns: Annotated[dict[str, Column], Field(min_length=1)]
    target: ColumnTarget | None = None

    def features(self) -> tuple[str, ...]:
        """Return the names of the columns that make up `x`, in order."""
        target = self.target.column if self.target else None
        return tuple(n for n, c in self.columns.items() if not c.drop and n != target)

    @field_serializer("columns", when_used="json")
    def _columns_as_list(self, columns: dict[str, Column]) -> list[dict[str, Any]]:
        # The order of the columns is that of the features; JSON with sorted keys would lose it.
        return [{"name": n, **column.model_dump(mode="json")} for n, column in columns.items()]

    @field_validator("columns", mode="before")
    @classmethod
    def _columns_from_list(cls, columns: Any) -> Any:
        if not isinstance(columns, list | tuple):
            return columns
        if not all(isinstance(c, dict) and isinstance(c.get("name"), str) for c in columns):
            raise ValueError("must be tables, [columns.NAME]")
        return {c["name"]: {k: v for k, v in c.items() if k != "name"} for c in columns}

    @model_validator(mode="after")
    def _columns_fit_together(self) -> Self:
        faults = []
        if self.target is not None:
            target = self.columns.get(self.target.column)
            if target is None or target.drop:
                faults.append(f"target.column: no column {self.target.column!r}, or it is dropped")
            elif target.missing != "error" or target.map is not None:
                faults.append(f"columns.{self.target.column}: a target has no map and no missing")
        if not self.features():
            faults.append("columns: at least one must be left as a feature")
        for name in self.features():
            column = self.columns[name]
            if column.dtype == "str" and column.map is None:
                faults.append(f"columns.{name}: a column of str needs a map, or drop = true")
            if column.dtype == "str" and column.missing in ("median", "mean"):
                faults.append(f"columns.{name}.missing: strings have no {column.missing}")
            if column.dtype != "str" and column.map is not None:
                faults.append(f"columns.{name}.map: needs dtype str")
        return without_faults(self, faults)
