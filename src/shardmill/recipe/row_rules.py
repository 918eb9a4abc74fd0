"""What happens to rows and columns that are not as the recipe expects, in files of any format."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shardmill.strict import Strict


class RowRules(Strict):
    """What a build does about missing cells, other columns and bad rows.

    Attributes:
        missing: The spellings of a missing cell in tables. An empty cell always is missing, and so
            is the null of a file that has nulls.
        other_columns: What happens if a file has columns that the recipe does not name: the build
            fails, or they are left out.
        on_bad_row: What happens to a bad row: the build fails, or the row is left out and kept in
            quarantine. A row is bad if it has another number of fields, bytes that are not UTF-8,
            a quote that is not closed, a cell that cannot be read or is missing although it must
            not be, or an unknown class or category. A row with a quote that is not closed is its
            first line. Bytes that are not in a given encoding always fail.
        max_bad_rows: The share of bad rows in a split above which a build fails nevertheless.
    """

    missing: tuple[str, ...] = ("",)
    other_columns: Literal["fail", "ignore"] = "fail"
    on_bad_row: Literal["fail", "quarantine"] = "fail"
    max_bad_rows: Annotated[float, Field(ge=0, le=1)] = 0.01

    @model_validator(mode="after")
    def _share_has_a_use(self) -> Self:
        if "max_bad_rows" in self.model_fields_set and self.on_bad_row == "fail":
            raise ValueError('max_bad_rows: needs on_bad_row = "quarantine"')
        return self

    def rules(self) -> "RowRules":
        """Return these rules alone, without what a class adds to them."""
        said = self.model_fields_set & RowRules.model_fields.keys()
        return RowRules.model_validate({key: getattr(self, key) for key in said})
