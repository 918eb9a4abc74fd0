"""Recipes of texts: CSV files, and how their tokens get numbers."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AliasChoices, Field, model_validator

from shardmill.recipe_facts import Recipe
from shardmill.recipe_tables import ColumnTarget, Count, Csv, Name, Names, RawFile, Section


class TokenizerFile(RawFile):
    """A tokenizer.json that Hugging Face `tokenizers` has written; a raw file like any other.

    Attributes:
        special_tokens: add those of its post-processor, such as [CLS] and [SEP].
    """

    special_tokens: bool = False


class Text(Section):
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


class Vocabulary(Section):
    """Which tokens get a number, and in what order.

    Attributes:
        from_artifact: take the vocabulary of the artifact of this name, in the same folder of
            artifacts; written `from`. Then nothing else may be said of it.
        specials: the first tokens, whatever the text holds.
        unknown, padding: which specials stand for a token without a number, and for no token.
        min_freq: tokens seen less often in the train split are left out.
        max_tokens: at most so many tokens, specials included.
        order: most frequent first and then by text, or by first appearance.
    """

    from_artifact: Annotated[
        Name | None, Field(validation_alias=AliasChoices("from", "from_artifact"))
    ] = None
    specials: Names = ("<unk>", "<pad>")
    unknown: str = "<unk>"
    padding: str = "<pad>"
    min_freq: Count = 1
    max_tokens: Count | None = None
    order: Literal["frequency", "first_seen"] = "frequency"

    @model_validator(mode="after")
    def _specials_are_complete(self) -> Self:
        if self.from_artifact is not None and self.rules() != Vocabulary().rules():
            raise ValueError("from: an artifact's vocabulary is taken as it is, without more rules")
        for role in ("unknown", "padding"):
            if getattr(self, role) not in self.specials:
                raise ValueError(f"{role}: {getattr(self, role)!r} is not one of the specials")
        if any("\n" in special or not special for special in self.specials):
            raise ValueError("specials: must not be empty or hold a newline")
        if self.max_tokens is not None and self.max_tokens <= len(self.specials):
            raise ValueError("max_tokens: leaves no room beside the specials")
        return self

    def rules(self) -> dict[str, Any]:
        """Return all but where it comes from."""
        return self.model_dump(exclude={"from_artifact"})


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

    @model_validator(mode="after")
    def _one_tokenizer(self) -> Self:
        rules = (self.text.tokenizer, self.vocabulary) == ("basic_english", Vocabulary())
        if self.text.tokenizer_file is not None and not rules:
            raise ValueError(
                "text.tokenizer_file: stands for tokenizer and vocabulary, so neither may be given"
            )
        return self

    @model_validator(mode="after")
    def _text_columns_are_known(self) -> Self:
        used = [*self.text.join, *([self.target.column] if self.target else [])]
        unknown = [name for name in used if name not in self.text.columns]
        if unknown:
            raise ValueError(f"text.columns: does not name {', '.join(unknown)}")
        return self
