"""Recipes: TOML files that say what the raw files of a dataset are and how to clean them.

A recipe holds facts only; it names no code. Faults are reported together, each with its path in
the file: first those of keys and values, then those of their combination.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import Field, field_serializer, field_validator, model_validator

from shardmill.recipe_tables import (
    ColumnTarget,
    Count,
    Csv,
    ImageTarget,
    Name,
    Names,
    Section,
    Split,
)

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


class Recipe(Section):
    """What every kind of recipe has."""

    name: Name
    kind: str
    description: str = ""
    splits: Annotated[dict[Name, Split], Field(min_length=1)]

    # Facts that the cleaned rows do not depend on: a change of them leaves the Parquet as it is.
    shard_only: ClassVar[frozenset[str]] = frozenset({"description"})

    def clean_facts(self) -> dict[str, Any]:
        """Return the facts that the cleaned rows depend on."""
        return self.model_dump(mode="json", exclude=set(self.shard_only))

    def sha256(self) -> str:
        """Return the hash of all facts."""
        return facts_sha256(self.model_dump(mode="json"))

    def source_splits(self) -> dict[str, Split]:
        """Return the splits that have files of their own."""
        return {name: split for name, split in self.splits.items() if split.files()}

    @model_validator(mode="after")
    def _splits_fit_together(self) -> Self:
        faults = [fault for n, split in self.splits.items() for fault in self._faults_of(n, split)]
        for name in self.splits:
            held_out = [s.hold_out for s in self.splits.values() if s.hold_out is not None]
            if sum(h.ratio() for h in held_out if h.split == name) > Fraction(9, 10):
                faults.append(f"splits: more than nine tenths of {name} are held out")
        if "train" not in self.splits:
            faults.append("splits: a split called train is needed, statistics come from it")
        return _without_faults(self, faults)

    def _faults_of(self, name: str, split: Split) -> Iterator[str]:
        needed = {"images"} if self.kind == "image" else {"csv"}
        if self.kind == "image" and split.labelled:
            needed = {"images", "labels"}
        given = {key for key in ("csv", "images", "labels") if getattr(split, key) is not None}
        if split.hold_out is None and given != needed:
            yield (
                f"splits.{name}: needs {' and '.join(sorted(needed))}, or hold_out; "
                f"has {' and '.join(sorted(given)) or 'none of them'}"
            )
        if split.hold_out is not None:
            source = self.splits.get(split.hold_out.split)
            if given or source is None or source.hold_out is not None:
                yield (
                    f"splits.{name}.hold_out: needs a split with files of its own, "
                    f"and none beside itself"
                )


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
        return _without_faults(self, faults)


class ImageRecipe(Recipe):
    """IDX files of images, or of any other arrays, and of their labels."""

    kind: Literal["image"]
    target: ImageTarget | None = None


class Text(Section):
    """From the columns of a CSV file to the tokens of a row.

    Attributes:
        columns: all columns of the file, in order.
        join: the columns that make up the text, joined by one space.
        clean: steps in order; `alphanumeric` turns every character that is not alphanumeric
            into a space, `lowercase` is Unicode's full lower case.
        tokenizer: torchtext's `basic_english`, or `whitespace`.
    """

    columns: Names
    join: Names
    clean: tuple[Literal["alphanumeric", "lowercase"], ...] = ()
    tokenizer: Literal["basic_english", "whitespace"] = "basic_english"


class Vocabulary(Section):
    """Which tokens get a number, and in what order.

    Attributes:
        specials: the first tokens, whatever the text holds.
        unknown, padding: which specials stand for a token without a number, and for no token.
        min_freq: tokens seen less often in the train split are left out.
        max_tokens: at most so many tokens, specials included.
        order: most frequent first and then by text, or by first appearance.
    """

    specials: Names = ("<unk>", "<pad>")
    unknown: str = "<unk>"
    padding: str = "<pad>"
    min_freq: Count = 1
    max_tokens: Count | None = None
    order: Literal["frequency", "first_seen"] = "frequency"

    @model_validator(mode="after")
    def _specials_are_complete(self) -> Self:
        for role in ("unknown", "padding"):
            if getattr(self, role) not in self.specials:
                raise ValueError(f"{role}: {getattr(self, role)!r} is not one of the specials")
        if any("\n" in special or not special for special in self.specials):
            raise ValueError("specials: must not be empty or hold a newline")
        if self.max_tokens is not None and self.max_tokens <= len(self.specials):
            raise ValueError("max_tokens: leaves no room beside the specials")
        return self


class TextRecipe(Recipe):
    """A CSV file of texts and their classes."""

    kind: Literal["text"]
    csv: Csv = Csv()
    text: Text
    target: ColumnTarget | None = None
    vocabulary: Vocabulary = Vocabulary()

    shard_only: ClassVar[frozenset[str]] = frozenset({"description", "vocabulary"})

    @model_validator(mode="after")
    def _text_columns_are_known(self) -> Self:
        used = [*self.text.join, *([self.target.column] if self.target else [])]
        unknown = [name for name in used if name not in self.text.columns]
        if unknown:
            raise ValueError(f"text.columns: does not name {', '.join(unknown)}")
        return self


AnyRecipe = TabularRecipe | ImageRecipe | TextRecipe
RECIPE_KINDS: dict[str, type[TabularRecipe] | type[ImageRecipe] | type[TextRecipe]] = {
    "tabular": TabularRecipe,
    "image": ImageRecipe,
    "text": TextRecipe,
}


Checked = TypeVar("Checked")


def _without_faults(checked: Checked, faults: Sequence[str]) -> Checked:
    if faults:
        raise ValueError("; ".join(faults))
    return checked


def facts_sha256(facts: object) -> str:
    """Return the sha256 of `facts` as JSON with sorted keys and no spaces."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
