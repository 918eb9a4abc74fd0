"""How texts become tokens, and which tokens get an id."""

import string
import unicodedata
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shardmill.recipe.names import Count, Name, Names
from shardmill.recipe.splits import RawFile
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


class TextRules(Strict):
    """From texts to tokens.

    Attributes:
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


def rules_faults(text: TextRules, vocabulary: Vocabulary) -> Iterator[str]:
    """Yield what is wrong with rules of texts and of their vocabulary together."""
    if text.has_pieces and vocabulary.from_artifact is None:
        yield from _faults_of_pieces(text.tokenizer, vocabulary)
    for step, others in _useless_steps(text.clean):
        yield f"text.clean: {step} can do nothing after {others}"


def unicode_version(text: TextRules) -> str | None:
    """Return the version of Unicode by which Python cleans texts and cuts them into tokens.

    It is None if only `html` and `newlines` are done, since these know no classes of characters,
    and a tokenizer.json cuts the texts.
    """
    by_python = text.tokenizer_file is None or set(text.clean) - {"html", "newlines"}
    return unicodedata.unidata_version if by_python else None


def learner(text: TextRules, vocabulary: Vocabulary) -> str | None:
    """Return the library that learns the tokens, with its version; None if shardmill does."""
    if not text.has_pieces or vocabulary.from_artifact is not None:
        return None
    try:
        return f"tokenizers {version('tokenizers')}"
    except PackageNotFoundError:  # a build says so, and names the extra
        return None


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
