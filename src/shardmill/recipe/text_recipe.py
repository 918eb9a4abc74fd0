"""Recipes of texts: CSV files, and how their tokens get numbers."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from shardmill.recipe.recipe import Recipe, without_faults
from shardmill.recipe.tables import (
    ColumnTarget,
    Count,
    Csv,
    Name,
    Names,
    RawFile,
    listed,
)
from shardmill.strict import Strict


class TokenizerFile(RawFile):
    """A tokenizer.json that Hugging Face `tokenizers` has written; a raw file like any other.

    Attributes:
        special_tokens: add those of its post-processor, such as [CLS] and [SEP].
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
        columns: all columns of the file, in order.
        join: the columns that make up the text, joined by one space.
        clean: steps in order; `html` makes plain text of character references and tags (see
            `clean_text.strip_html`), `alphanumeric` turns every character that is not alphanumeric
            into a space, `lowercase` is Unicode's full lower case.
        tokenizer: torchtext's `basic_english`, or `whitespace`.
        tokenizer_file: in place of both, and of a vocabulary.
    """

    columns: Names
    join: Names
    clean: tuple[Literal["html", "alphanumeric", "lowercase"], ...] = ()
    tokenizer: Literal["basic_english", "whitespace"] = "basic_english"
    tokenizer_file: TokenizerFile | None = None


class Vocabulary(Strict):
    """Which tokens get a number, and in what order.

    Attributes:
        from_artifact: take the vocabulary of the artifact of this name, in the same folder of
            artifacts as it is; written `from`, and no other key beside it.
        specials: the first tokens, whatever the text holds.
        unknown, padding: which specials stand for a token without a number, and for no token.
        min_freq: tokens seen less often in the train split are left out.
        max_tokens: at most so many tokens, specials included.
        order: most frequent first and then by text, or by first appearance.
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


class TextRecipe(Recipe):
    """A CSV file of texts and their classes."""

    kind: Literal["text"]
    csv: Csv = Csv()
    text: Text
    target: ColumnTarget | None = None
    vocabulary: Vocabulary = Vocabulary()

    shard_only: ClassVar[frozenset[str]] = frozenset({"description", "vocabulary"})

    def files(self) -> tuple[RawFile, ...]:
        """Return all raw files, that of the tokenizer included."""
        own = self.text.tokenizer_file
        return (*super().files(), own) if own is not None else super().files()

    def clean_facts(self) -> dict[str, Any]:
        """Return the facts that the cleaned rows depend on, which does not include a tokenizer."""
        facts = super().clean_facts()
        not_text = ("tokenizer", "tokenizer_file")
        facts["text"] = {key: fact for key, fact in facts["text"].items() if key not in not_text}
        return facts

    @model_validator(mode="after")
    def _tables_fit_together(self) -> Self:
        return without_faults(self, list(self._faults()))

    def _faults(self) -> Iterator[str]:
        used = [*self.text.join, *([self.target.column] if self.target else [])]
        unknown = [name for name in used if name not in self.text.columns]
        if unknown:
            yield f"text.columns: does not name {listed(unknown)}"
        if self.target is not None and self.target.column in self.text.join:
            yield f"text.join: holds {self.target.column}, which is the target"
        replaced = {"text.tokenizer": "tokenizer" in self.text.model_fields_set}
        replaced["vocabulary"] = "vocabulary" in self.model_fields_set
        given = [table for table, is_given in replaced.items() if is_given]
        if self.text.tokenizer_file is not None and given:
            yield f"text.tokenizer_file: stands for {' and '.join(given)}, which must go"
        if self.vocabulary.from_artifact == self.name:
            yield "vocabulary.from: must name another artifact than this recipe's own"
