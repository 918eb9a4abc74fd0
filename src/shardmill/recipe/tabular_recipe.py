"""Recipes of tables: CSV files of mixed columns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    field_serializer,
    model_validator,
)

from shardmill.format.layout import DTypeName
from shardmill.recipe.column_faults import column_faults
from shardmill.recipe.csv_options import Csv
from shardmill.recipe.group_faults import group_faults
from shardmill.recipe.names import Name, Names
from shardmill.recipe.number_format import NUMBER_KEYS, NumberFormat
from shardmill.recipe.ordered_tables import as_list, group_of_names, tables_from_list
from shardmill.recipe.recipe import Recipe, without_faults
from shardmill.recipe.table_texts import table_text_faults
from shardmill.recipe.tabular_column import ENCODING_KEYS, Column, close_match
from shardmill.recipe.targets import CellTarget, ColumnTarget
from shardmill.recipe.text_recipe import Text, TextGroup, TextRecipe
from shardmill.recipe.text_rules import TextRules, Vocabulary, learner, unicode_version
from shardmill.recipe.time_zone import zone_digest
from shardmill.strict import Strict

OTHERS = "*"


class Group(Strict):
    """Features that make up a tensor of their own, `x.<group>`.

    Attributes:
        columns: The columns whose features these are.
        dtype: The dtype of the tensor. If it is not given, it is the smallest integer dtype that
            holds all numbers, or float32 if they may not be whole.
    """

    columns: Names
    dtype: DTypeName | None = None


_GROUP = BeforeValidator(group_of_names, json_schema_input_type=Group | Names)


class TabularRecipe(Recipe):
    """CSV files of mixed columns.

    Attributes:
        csv: How to read the files.
        columns: All columns of the files by name, in the order of the features. The column "*"
            stands for those of the train split that are not named.
        target: The target if there is one: `y` is its class index, a vector of 0 and 1, or a
            number.
        targets: The targets by column if there are several: each is a field `y.<column>`.
        text: How columns of texts become tokens.
        vocabulary: Which tokens get an id. All columns of texts have one vocabulary.
        groups: The tensors of `x` by name. Without groups, all features are one tensor of float32.
            The column "*" of a group stands for the features that no group names.
    """

    kind: Literal["tabular"]
    csv: Csv = Csv()
    columns: Annotated[dict[str, Column], Field(min_length=1), BeforeValidator(tables_from_list)]
    text: TextRules = TextRules()
    vocabulary: Vocabulary = Vocabulary()
    target: ColumnTarget | None = None
    targets: Annotated[dict[str, CellTarget], BeforeValidator(tables_from_list)] = Field(default={})
    groups: Annotated[
        dict[Name, Annotated[Group, _GROUP]],
        BeforeValidator(tables_from_list),
    ] = Field(default={})

    shard_only: ClassVar[frozenset[str]] = frozenset({"description", "vocabulary"})

    def all_targets(self) -> Mapping[str, CellTarget]:
        """Return the targets by column, the first one if the target has several."""
        if self.target is None:
            return self.targets
        return {self.target.raw_columns()[0]: self.target}

    def target_columns(self) -> tuple[str, ...]:
        """Return the columns that targets are made of."""
        return tuple(self.targets) if self.target is None else self.target.raw_columns()

    def column_names(self) -> tuple[str, ...] | None:
        """Return the columns that the recipe names; None if files may have others."""
        known = self.rules().other_columns == "fail" and not self.is_open
        return tuple(self.columns) if known else None

    @property
    def is_open(self) -> bool:
        """Whether a column "*" stands for others. A build gives the recipe all columns first."""
        return OTHERS in self.columns

    def facts_with_columns(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the facts of the recipe with the columns of a file in place of "*"."""
        others = [name for name in dict.fromkeys(names) if name not in self.columns]
        facts = self.facts()
        columns: list[dict[str, Any]] = []
        for column in facts["columns"]:
            if column["name"] == OTHERS:
                columns += [{**column, "name": name} for name in others]
            else:
                columns.append(column)
        targets = self.target_columns()
        grouped = {name for group in self.groups.values() for name in group.columns}
        kept = [c["name"] for c in columns if not c.get("drop") and c["name"] not in targets]
        texts = {c["name"] for c in columns if c["dtype"] == "text"}
        left = [name for name in kept if name not in grouped | texts]
        for group in facts.get("groups", ()):
            at = group["columns"].index(OTHERS) if OTHERS in group["columns"] else None
            if at is not None:
                group["columns"] = [*group["columns"][:at], *left, *group["columns"][at + 1 :]]
        return {**facts, "columns": columns}

    def features(self) -> tuple[str, ...]:
        """Return the names of the columns that make up `x`, in order."""
        if not self.groups:
            return self._kept()
        return tuple(name for group in self.groups.values() for name in group.columns)

    def input_columns(self) -> dict[str | None, tuple[str, ...]]:
        """Return the columns of each field of features, by its group; None without groups.

        Beside texts, features without groups are the group `features`.
        """
        if not self.groups:
            return {"features" if self.text_columns() else None: self.features()}
        return {name: group.columns for name, group in self.groups.items()}

    def text_columns(self) -> tuple[str, ...]:
        """Return the names of the columns of texts, in order."""
        return tuple(n for n, c in self.columns.items() if c.dtype == "text" and not c.drop)

    def text_part(self) -> TextRecipe | None:
        """Return a recipe of the columns of texts alone, as groups; None if there are none."""
        names = self.text_columns()
        if not names:
            return None
        # These are the parts of a recipe that was checked, so nothing is checked again.
        return TextRecipe.model_construct(
            name=self.name,
            kind="text",
            text=Text.model_construct(columns=names, **dict(self.text)),
            groups={name: TextGroup.model_construct(columns=(name,)) for name in names},
            vocabulary=self.vocabulary,
            splits=self.splits,
        )

    def unicode_version(self) -> str | None:
        """Return the version of Unicode that texts depend on; None if there are none."""
        return unicode_version(self.text) if self.text_columns() else None

    def learner(self) -> str | None:
        """Return the library that learns the tokens, with its version; None if shardmill does."""
        return learner(self.text, self.vocabulary) if self.text_columns() else None

    def missing_cells(self, name: str) -> tuple[str, ...]:
        """Return the spellings of a missing cell in a column. An empty cell always is one."""
        return self.columns[name].missing_cells(self.rules().missing)

    def number_format(self, name: str) -> NumberFormat:
        """Return how the numbers of a column are written."""
        column = self.columns[name]
        return NumberFormat.of(
            column.decimal,
            self.csv.thousands if column.thousands is None else column.thousands,
            default=self.csv.decimal,
            prefix=column.prefix,
            suffix=column.suffix,
        )

    def stated_dtypes(self) -> dict[str, DTypeName]:
        """Return, by column, the dtypes that groups state."""
        groups = self.groups.values()
        return {name: g.dtype for g in groups if g.dtype is not None for name in g.columns}

    def facts(self) -> dict[str, Any]:
        """Return what the recipe says beyond the defaults, ready for JSON."""
        # pydantic does not compare the result of our serializer with the default.
        return {key: fact for key, fact in super().facts().items() if fact != []}

    def clean_facts(self) -> dict[str, Any]:
        """Return the facts that the cleaned rows depend on."""
        facts = super().clean_facts()
        facts["columns"] = [
            # A number that will be scaled may be too large for its field, whatever the scale is.
            {k: "any" if k == "scale" else v for k, v in column.items() if k not in ENCODING_KEYS}
            for column in facts["columns"]
        ]
        if clean := facts.pop("text", {}).get("clean"):
            facts["text"] = {"clean": clean}
        zones = {column.timezone for column in self.columns.values() if column.timezone is not None}
        if zones:
            facts["zones"] = {zone: zone_digest(zone) for zone in sorted(zones)}
        return facts

    def _kept(self) -> tuple[str, ...]:
        targets = self.target_columns()
        left_out = {*targets, *self.text_columns()}
        return tuple(n for n, c in self.columns.items() if not c.drop and n not in left_out)

    @field_serializer("columns", "targets", "groups", when_used="json")
    def _tables_as_list(self, tables: Mapping[str, BaseModel]) -> list[dict[str, Any]]:
        return as_list(tables)

    @model_validator(mode="after")
    def _columns_fit_together(self) -> Self:
        faults = list(self._target_faults())
        if not self._kept():
            texts = ', beside texts; texts alone are a recipe of kind = "text"'
            more = texts if self.text_columns() else ""
            faults.append(f"columns: at least one must be left as a feature{more}")
        for name in self._kept():
            faults += column_faults(name, self.columns[name], self.missing_cells(name))
        faults += self._number_faults()
        text = self.text if "text" in self.model_fields_set else None
        said = text, self.vocabulary if "vocabulary" in self.model_fields_set else None
        faults += table_text_faults(self.columns, said, tuple(self.groups))
        if self.is_open and not all(
            (self.csv_options(file) or self.csv).header for file in self.row_files()
        ):
            faults.append("columns.*: needs a header, which names the columns")
        of_groups = group_faults(
            {name: (group.columns, group.dtype) for name, group in self.groups.items()},
            self.columns,
            kept=self._kept(),
            is_open=self.is_open,
        )
        return without_faults(self, [*faults, *self._name_faults(), *of_groups])

    def _number_faults(self) -> Iterator[str]:
        numbers = [name for name, t in self.all_targets().items() if t.role == "number"]
        used = [n for n in (*self._kept(), *numbers) if n in self.columns]
        used = [n for n in used if self.columns[n].reads_numbers()]
        for name in used:
            for key, fault in self.number_format(name).faults():
                yield f"columns.{name}.{key}: {fault}"
        for key, default in (("decimal", "."), ("thousands", "")):
            if getattr(self.csv, key) != default and not used:
                yield f"csv.{key}: needs a column of numbers"

    def _target_faults(self) -> Iterator[str]:
        if self.target is not None and self.targets:
            yield "targets: needs no target beside it"
        if len(self.targets) == 1:
            yield "targets: one alone is written as [target], with its column"
        for first, target in self.all_targets().items():
            several = target.raw_columns() if isinstance(target, ColumnTarget) else (first,)
            for name in several:
                yield from self._column_faults(name, target)

    def _column_faults(self, name: str, target: CellTarget) -> Iterator[str]:
        path = "target" if self.target is not None else f"targets.{name}"
        is_class = isinstance(target, ColumnTarget) and target.columns is not None
        column = self.columns.get(name)
        if column is None and self.is_open:
            return  # the build looks into the file
        if column is None or column.drop:
            key = ".columns" if is_class else ".column"
            where = f"{path}{key}" if self.target is not None else path
            hint = close_match(name, [n for n, c in self.columns.items() if not c.drop])
            yield f"{where}: no column {name!r}, or it is dropped{hint}"
            return
        allowed = {"dtype", "missing", "missing_values"}
        allowed |= NUMBER_KEYS if target.role == "number" else set()
        allowed |= {"true", "false"} if is_class else set()
        if column.said() - allowed or column.missing not in ("error", "drop"):
            yield (
                f"columns.{name}: a target has no key but dtype, missing as error or drop, and "
                f"missing_values{', true and false' if is_class else ''}"
            )
        missing = {text.strip() for text in self.missing_cells(name)}
        if target.first is None and not is_class:
            for text in sorted(missing.intersection(target.names())):
                yield f"{path}.classes: {text!r} is how a missing cell is written"
        if target.role == "number" and column.dtype not in ("int64", "float64"):
            yield f"{path}: without classes it needs a column of int64 or float64"
        if is_class and column.dtype != "bool":
            yield f"{path}.columns: {name!r} must be a column of bool"
        elif is_class:
            yield from column_faults(name, column, self.missing_cells(name))
        if target.separator is not None and column.dtype != "str":
            yield f"{path}.separator: needs a column of str"

    def _name_faults(self) -> Iterator[str]:
        # The names of features, columns and targets share one table of statistics.
        used = (*self._kept(), *self.target_columns())
        for name in self._kept():
            column = self.columns[name]
            parts = {f"{name}.{part}" for part in column.parts}
            for other in used:
                one_hot = column.encode == "one_hot" and other.startswith(f"{name}=")
                if other in parts or one_hot:
                    yield f"columns.{other}: is called like a feature that {name} becomes"
