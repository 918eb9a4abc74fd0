"""Recipes of texts: CSV files, and how their tokens get ids."""

import string
import unicodedata
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, field_serializer, model_validator

from shardmill.recipe.csv_options import Csv
from shardmill.recipe.names import Count, Name, Names, listed
from shardmill.recipe.number_format import NumberFormat
from shardmill.recipe.ordered_tables import as_list, group_of_names, tables_from_list
from shardmill.recipe.recipe import Recipe, without_faults
from shardmill.recipe.splits import RawFile
from shardmill.recipe.targets import ColumnTarget
from shardmill.strict import Strict


class TokenizerFile(RawFile):
    """A tokenizer.json that Hugging Face `tokenizers` wrote. It is a raw file like any other.

    Attributes:
        special_tokens: Whether to add the tokens of its post-processor, such as [CLS] and [SEP].
    """

    special_tokens: bool = False

    @model_validator(mode="after")
    def _one_file_without_rows(self) -> Self:
        if self.is_pattern or self.rows is not None:
            raise ValueError("must be one file, without * or ?, and has no rows")
        return self


class Text(Strict):
    """From the columns of a CSV file to the tokens of a row.

    Attributes:
        columns: All columns of the file, in order.
        join: The columns that make up the text. They are joined by one space. None if a row has
            several texts, which are groups of the recipe.
        clean: The steps of cleaning, in order. `html` turns character references and tags into
            plain text (see `clean_text.strip_html`), `newlines` turns a backslash and the letter n
            into a space, `nfc` is Unicode's normal form C,
            `alphanumeric` turns every character that is not alphanumeric into a space, `words`
            every one that is no letter, mark or digit of any script, and `lowercase` is Unicode's
            full lower case.
        tokenizer: The tokenizer: torchtext's `basic_english`, `whitespace`, `characters`, for
            which each character that is no white space is a token, or `bpe` or `unigram`, which
            learn pieces of words, by byte pair encoding or as a Unigram model.
        tokenizer_file: A tokenizer.json, which replaces the tokenizer and the vocabulary.
    """

    columns: Names
    join: Names | None = None
    clean: tuple[Literal["html", "newlines", "nfc", "alphanumeric", "words", "lowercase"], ...] = ()
    tokenizer: Literal["basic_english", "whitespace", "characters", "bpe", "unigram"] = (
        "basic_english"
    )
    tokenizer_file: TokenizerFile | None = None

    @property
    def has_words(self) -> bool:
        """Whether shardmill itself cuts texts into tokens, and not the library `tokenizers`."""
        return self.tokenizer_file is None and not self.has_pieces

    @property
    def has_pieces(self) -> bool:
        """Whether tokens are pieces of words, which are learnt."""
        return self.tokenizer in ("bpe", "unigram")


class Vocabulary(Strict):
    """Which tokens get an id, and in what order.

    Attributes:
        from_artifact: The name of an artifact in the same folder, whose vocabulary is taken
            unchanged. In TOML the key is `from`, and no other key may stand beside it.
        specials: The first tokens of the vocabulary, whether or not they occur in texts.
        unknown: The special that stands for unknown tokens.
        padding: The special that fills up short texts.
        min_freq: How often a token must occur in the train split to be kept.
        max_tokens: How many tokens are kept at most, including the specials. `bpe` and
            `unigram` learn up to so many.
        order: "frequency" puts the most frequent tokens first, and equally frequent ones by text.
            "first_seen" keeps the order of their first appearance.
    """

    from_artifact: Annotated[Name | None, Field(alias="from")] = None
    specials: Names = ("<unk>", "<pad>")
    unknown: str = "<unk>"
    padding: str = "<pad>"
    min_freq: Count = 1
    max_tokens: Count | None = None
    order: Literal["frequency", "first_seen"] = "frequency"

    @model_validator(mode="after")
    def _specials_are_complete(self) -> Self:
        beside = sorted(self.model_fields_set - {"from_artifact"})
        if self.from_artifact is not None and beside:
            raise ValueError(
                f"from: that vocabulary is taken as it is, so leave out {', '.join(beside)}"
            )
        for role in ("unknown", "padding"):
            if getattr(self, role) not in self.specials:
                raise ValueError(f"{role}: {getattr(self, role)!r} is not one of the specials")
        if any("\n" in special or not special for special in self.specials):
            raise ValueError("specials: must not be empty or hold a newline")
        if self.max_tokens is not None and self.max_tokens <= len(self.specials):
            raise ValueError("max_tokens: leaves no room beside the specials")
        return self


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
        """Return the version of Unicode by which Python cleans texts and cuts them into tokens.

        It is None if only `html` and `newlines` are done, since these know no classes of
        characters, and a tokenizer.json cuts the texts.
        """
        by_python = self.text.tokenizer_file is None or set(self.text.clean) - {"html", "newlines"}
        return unicodedata.unidata_version if by_python else None

    def learner(self) -> str | None:
        """Return the library that learns the tokens, with its version; None if shardmill does."""
        if not self.text.has_pieces or self.vocabulary.from_artifact is not None:
            return None
        try:
            return f"tokenizers {version('tokenizers')}"
        except PackageNotFoundError:  # a build says so, and names the extra
            return None

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
        if self.text.has_pieces and self.vocabulary.from_artifact is None:
            yield from _faults_of_pieces(self.text.tokenizer, self.vocabulary)
        if "missing" in self.csv.model_fields_set:
            yield "csv.missing: texts have no missing cells, so leave it out"
        is_number = self.target is not None and self.target.role == "number"
        for key in sorted({"decimal", "thousands"} & self.csv.model_fields_set):
            if not is_number:
                yield f"csv.{key}: needs a target that is a number"
        if is_number:
            for key, fault in self.number_format().faults():
                yield f"csv.{key}: {fault}"
        for step, others in _useless_steps(self.text.clean):
            yield f"text.clean: {step} can do nothing after {others}"
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


def _faults_of_pieces(tokenizer: str, rules: Vocabulary) -> Iterator[str]:
    """Yield what is wrong with the rules of a vocabulary whose tokens are pieces of words."""
    if rules.max_tokens is None:
        needs = f"{tokenizer} needs to know how many tokens to learn, such as 8000"
        yield f"vocabulary.max_tokens: {needs}"
    for key in sorted({"min_freq", "order"} & rules.model_fields_set):
        yield f"vocabulary.{key}: means nothing to {tokenizer}, so leave it out"
    for special in rules.specials:
        if len(special) < 2 or set(string.punctuation).isdisjoint(special):
            yield (
                f"vocabulary.specials: {tokenizer} could find {special!r} in a text, so put it "
                f"between marks of punctuation"
            )


# A step that can change nothing once one of these was done, in whatever order others stand between.
_NO_SIGNS = ("alphanumeric", "words")  # after these no sign is left
_DONE_BY = {"html": _NO_SIGNS, "newlines": _NO_SIGNS, "words": _NO_SIGNS}


def _useless_steps(steps: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the steps of cleaning that can change nothing, each with the step that sees to that."""
    for place, step in enumerate(steps):
        before = [other for other in steps[:place] if other in _DONE_BY.get(step, ())]
        if before:
            yield step, before[-1]
        elif step != "html" and place and steps[place - 1] == step:
            yield step, step
