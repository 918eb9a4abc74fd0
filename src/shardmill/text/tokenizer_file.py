"""Reads a tokenizer.json of Hugging Face `tokenizers` that a recipe brings along.

The library (https://huggingface.co/docs/tokenizers) is needed to encode, not to read what was
encoded: which token has which number stands in the JSON.
"""

import json
from dataclasses import dataclass
from typing import Any

from shardmill.errors import TokenizerFileError
from shardmill.text.vocab import Vocab

# What tokenizers that do not say how they pad have called it.
_PADDINGS = ("<pad>", "[PAD]", "<|pad|>", "<|padding|>")

# Far above the vocabularies there are, and few enough to list.
_MOST_TOKENS = 2**24


@dataclass(frozen=True, slots=True)
class TokenizerFacts:
    """The vocabulary of a tokenizer.json, and its tokens for the unknown and for padding.

    Numbers that no token has are called `<unused N>`. The vocabulary's default index is the number
    of the unknown token.
    """

    vocab: Vocab
    unknown: str | None
    padding: str | None


def read_tokenizer(content: bytes, *, where: object) -> TokenizerFacts:
    """Return what a tokenizer.json says of its tokens.

    Args:
        content: of the file: a WordLevel, WordPiece, BPE or Unigram model.
        where: its name, for errors.

    Raises:
        TokenizerFileError: it is not a tokenizer.json.
    """
    try:
        facts = json.loads(content.decode())
        numbers, unknown = _model_tokens(facts["model"])
        # Where a token is both of the model and added, the library goes by the latter.
        numbers |= {str(added["content"]): int(added["id"]) for added in facts["added_tokens"]}
        vocab = _vocab(numbers)
        padding = (facts.get("padding") or {}).get("pad_token")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
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
    tokens = [str(token) for token, _ in listed]  # Unigram: pairs of a token and its score
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
