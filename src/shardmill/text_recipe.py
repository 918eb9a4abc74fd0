"""Recipes of texts: CSV files, and how their tokens get numbers."""

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from shardmill.recipe_facts import Recipe
from shardmill.recipe_tables import ColumnTarget, Count, Csv, Names, Section


class Text(Section):
    """From the columns of a CSV file to the tokens of a row.

    Attributes:
        columns: all columns of the file, in order.
        join: the columns that make up the text, joined by one space.
        clean: steps in order; `html` makes plain text of character references and tags (see
            `clean_text.strip_html`), `alphanumeric` turns every character that is not alphanumeric
            into a space, `lowercase` is Unicode's full lower case.
        tokenizer: torchtext's `basic_english`, or `whitespace`.
    """

    columns: Names
    join: Names
    clean: tuple[Literal["html", "alphanumeric", "lowercase"], ...] = ()
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
