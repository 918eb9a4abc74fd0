"""Reads a tokenizer.json of Hugging Face `tokenizers`, brought along by a recipe or learnt.

The library (https://huggingface.co/docs/tokenizers) is needed to encode texts, but not to read what
was encoded: the JSON says which token has which id.
"""

import json
from dataclasses import dataclass
from typing import Any

from shardmill.errors import TokenizerFileError
from shardmill.text.vocab import Vocab

# The names of the padding token in tokenizers that do not state it.
_PADDINGS = ("<pad>", "[PAD]", "<|pad|>", "<|padding|>")

# Far more tokens than any vocabulary has, and few enough to list.
_MOST_TOKENS = 2**24


@dataclass(frozen=True, slots=True)
class TokenizerFacts:
    """The vocabulary of a tokenizer.json, and its special tokens.

    Attributes:
        vocab: The vocabulary. An id N without a token is called `<unused N>`. The default index is
            the id of the unknown token.
        unknown: The token that stands for unknown tokens; None if there is none.
        padding: The token that fills up short texts; None if there is none.
    """

    vocab: Vocab
    unknown: str | None
    padding: str | None


def read_tokenizer(content: bytes, *, where: object) -> TokenizerFacts:
    """Return the tokens of a tokenizer.json.

    Args:
        content: The content of the file: a WordLevel, WordPiece, BPE or Unigram model.
        where: The name of the file, for errors.

    Raises:
        TokenizerFileError: The content is no tokenizer.json.
    """
    try:
        facts = json.loads(content.decode())
        numbers, unknown = _model_tokens(facts["model"])
        # If the model has a token that is also added, the library takes the id of the added one.
        numbers |= {str(added["content"]): int(added["id"]) for added in facts["added_tokens"]}
        vocab = _vocab(numbers)
        padding = (facts.get("padding") or {}).get("pad_token")
        if not all(isinstance(name, str | None) for name in (unknown, padding)):
            raise TypeError("a token that is no text")
    except (
        ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError
    ) as error:  # fmt: skip
        raise TokenizerFileError(
            where,
            expected="a tokenizer.json that Hugging Face tokenizers has written",
            found=f"something else ({type(error).__name__}: {error})",
            fix="save it with Tokenizer.save(), or correct text.tokenizer_file in the recipe",
        ) from None
    if unknown not in vocab:
        unknown = None
    if unknown is not None:
        vocab.set_default_index(vocab[unknown])
    if padding not in vocab:
        padding = next((name for name in _PADDINGS if name in vocab), None)
    return TokenizerFacts(vocab, unknown, padding)


def _model_tokens(model: dict[str, Any]) -> tuple[dict[str, int], str | None]:
    listed = model["vocab"]
    if isinstance(listed, dict):
        unknown = model.get("unk_token")
        return {str(token): int(number) for token, number in listed.items()}, unknown
    tokens = [
        str(token) for token, _ in listed
    ]  # a Unigram model has pairs of a token and its score
    unknown = None if model.get("unk_id") is None else tokens[model["unk_id"]]
    return {token: number for number, token in enumerate(tokens)}, unknown


def _vocab(numbers: dict[str, int]) -> Vocab:
    first, last = min(numbers.values()), max(numbers.values())
    if not 0 <= first <= last < _MOST_TOKENS:
        raise ValueError(f"numbers of tokens from {first} to {last}")
    tokens = [f"<unused {number}>" for number in range(last + 1)]
    for token, number in numbers.items():
        tokens[number] = token
    return Vocab(tokens)
