"""Recipes of texts: CSV files, and how their tokens get ids."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, field_serializer, model_validator

from shardmill.recipe.csv_options import Csv
from shardmill.recipe.names import Name, Names, listed
from shardmill.recipe.number_format import NumberFormat
from shardmill.recipe.ordered_tables import as_list, group_of_names, tables_from_list
from shardmill.recipe.recipe import Recipe, without_faults
from shardmill.recipe.splits import RawFile
from shardmill.recipe.targets import ColumnTarget
from shardmill.recipe.text_rules import (
    TextRules,
    Vocabulary,
    learner,
    rules_faults,
    unicode_version,
)
from shardmill.strict import Strict


class Text(TextRules):
    """From the columns of a CSV file to the tokens of a row.

    Attributes:
        columns: All columns of the file, in order.
        join: The columns that make up the text. They are joined by one space. None if a row has
            several texts, which are groups of the recipe.
    """

    columns: Names
    join: Names | None = None


class TextGroup(Strict):
    """One of several texts of a row, `x.<group>`.

    Attributes:
        columns: The columns that make up the text. They are joined by one space.
    """

    columns: Names


_GROUP = BeforeValidator(group_of_names, json_schema_input_type=TextGroup | Names)


class TextRecipe(Recipe):
    """CSV files of texts and, if they are labelled, of their targets.

    Attributes:
        csv: How to read the files.
        text: How columns become tokens.
        groups: The texts of a row by name if there are several, such as a premise and a
            hypothesis. They have one vocabulary. Without groups, `text.join` makes up the text.
        target: What the columns of the target hold; None without a target.
        vocabulary: Which tokens get an id.
    """

    kind: Literal["text"]
    csv: Csv = Csv()
    text: Text
    groups: Annotated[
        dict[Name, Annotated[TextGroup, _GROUP]], BeforeValidator(tables_from_list)
    ] = Field(default={})
    target: ColumnTarget | None = None
    vocabulary: Vocabulary = Vocabulary()

    shard_only: ClassVar[frozenset[str]] = frozenset({"description", "vocabulary"})

    def files(self) -> tuple[RawFile, ...]:
        """Return all raw files, including that of the tokenizer."""
        own = self.text.tokenizer_file
        return (*super().files(), own) if own is not None else super().files()

    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """Return the columns that make up each text of a row, by its column of cleaned rows.

        Without groups, there is one text, whose column is called `text`.
        """
        if not self.groups:
            return {"text": self.text.join or ()}
        return {name: group.columns for name, group in self.groups.items()}

    def text_columns(self) -> tuple[str, ...]:
        """Return the columns of raw files that make up the texts, each once."""
        return tuple(dict.fromkeys(name for names in self.texts().values() for name in names))

    def facts(self) -> dict[str, Any]:
        """Return what the recipe says beyond the defaults, ready for JSON."""
        # pydantic does not compare the result of our serializer with the default.
        return {key: fact for key, fact in super().facts().items() if fact != []}

    def clean_facts(self) -> dict[str, Any]:
        """Return the facts that the cleaned rows depend on. A tokenizer is not among them."""
        facts = super().clean_facts()
        not_text = ("tokenizer", "tokenizer_file")
        facts["text"] = {key: fact for key, fact in facts["text"].items() if key not in not_text}
        return facts

    def all_targets(self) -> Mapping[str, ColumnTarget]:
        """Return the target, if there is one, by its first column."""
        return {} if self.target is None else {self.target.raw_columns()[0]: self.target}

    def number_format(self) -> NumberFormat:
        """Return how a target that is a number is written."""
        return NumberFormat.of(
            None, self.csv.thousands, default=self.csv.decimal, prefix=None, suffix=None
        )

    def column_names(self) -> tuple[str, ...] | None:
        """Return the columns that the recipe names; None if files may have others."""
        return None if self.rules().other_columns == "ignore" else self.text.columns

    def unicode_version(self) -> str | None:
        """Return the version of Unicode that the texts depend on; None if they depend on none."""
        return unicode_version(self.text)

    def learner(self) -> str | None:
        """Return the library that learns the tokens, with its version; None if shardmill does."""
        return learner(self.text, self.vocabulary)

    @field_serializer("groups", when_used="json")
    def _groups_as_list(self, groups: Mapping[str, TextGroup]) -> list[dict[str, Any]]:
        return as_list(groups)

    @model_validator(mode="after")
    def _tables_fit_together(self) -> Self:
        return without_faults(self, list(self._faults()))

    def _faults(self) -> Iterator[str]:
        yield from self._column_faults()
        replaced = {"text.tokenizer": "tokenizer" in self.text.model_fields_set}
        replaced["vocabulary"] = "vocabulary" in self.model_fields_set
        given = [table for table, is_given in replaced.items() if is_given]
        if self.text.tokenizer_file is not None and given:
            yield f"text.tokenizer_file: stands for {' and '.join(given)}, which must go"
        yield from rules_faults(self.text, self.vocabulary)
        if "missing" in self.csv.model_fields_set:
            yield "csv.missing: texts have no missing cells, so leave it out"
        is_number = self.target is not None and self.target.role == "number"
        for key in sorted({"decimal", "thousands"} & self.csv.model_fields_set):
            if not is_number:
                yield f"csv.{key}: needs a target that is a number"
        if is_number:
            for key, fault in self.number_format().faults():
                yield f"csv.{key}: {fault}"
        if self.vocabulary.from_artifact == self.name:
            yield "vocabulary.from: must name another artifact than this recipe's own"

    def _column_faults(self) -> Iterator[str]:
        if not self.groups and self.text.join is None:
            yield "text.join: missing; it names the columns of the text (several texts are groups)"
        if self.groups and self.text.join is not None:
            yield "text.join: the groups say which columns make up the texts, so leave it out"
        labels = self.target.raw_columns() if self.target is not None else ()
        unknown = [n for n in (*self.text_columns(), *labels) if n not in self.text.columns]
        if unknown:
            yield f"text.columns: does not name {listed(unknown)}"
        for name, columns in self.texts().items():
            where = f"groups.{name}" if self.groups else "text.join"
            if joined := [label for label in labels if label in columns]:
                yield f"{where}: holds {listed(joined)}, which is the target"
        if "label" in self.groups:
            yield "groups.label: is what the cleaned rows call their target, so name it otherwise"
