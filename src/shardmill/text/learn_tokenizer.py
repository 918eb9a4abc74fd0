"""Learns a tokenizer.json of pieces of words from the words of the train split.

The library Hugging Face `tokenizers` learns it (https://huggingface.co/docs/tokenizers). Its
trainer of byte pair encoding counts words, and then goes by the counts alone, which are integers.
So the result depends neither on the order of texts nor on threads. Its trainer of Unigram models
sums floats in an order that differs from run to run. It finds the same pieces each time, but their
scores differ from the eleventh digit on, so these are rounded.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import Array, arrow_array, numpy_array
from shardmill.recipe.text_recipe import TextRecipe
from shardmill.recipe.text_rules import Vocabulary
from shardmill.text.encode_texts import tokenizers_library
from shardmill.text.joined_rows import code_points, content_of
from shardmill.text.write_tokenizer import WORD_BEGIN, pieces_json

# The library is given each word as often as it was counted, which takes half a minute for so many
# characters. It counts pairs of characters as int32, which so many cannot exceed.
_MOST_CHARACTERS = 2**27

# The scores of a Unigram model are multiples of one part in so many. What differs from run to run
# is a hundred millionth of that, or the step between characters that are no pieces.
_SCORES = 1024
_SCORE_STEP = 1e-4

# The words of one text for the library, in characters.
_TEXT_CHARACTERS = 2**16


def learn_tokenizer(recipe: TextRecipe, counts: pa.Table) -> str:
    """Return the content of a tokenizer.json whose tokens are pieces of words.

    Each character of the words is a token. If there are more of them than the vocabulary may have,
    the most frequent ones are.

    Args:
        recipe: A recipe whose tokenizer is learnt.
        counts: A table with the columns `token`, words without white space, and `count`. Each word
            occurs once.

    Raises:
        MissingLibraryError: The library is not installed.
    """
    library, rules = tokenizers_library("text.tokenizer"), recipe.vocabulary
    assert rules.max_tokens is not None  # noqa: S101  the recipe has looked
    words, times = _fewer(counts.column("token").combine_chunks(), numpy_array(counts["count"]))
    alphabet = _alphabet(words, times, rules)
    facts = {
        "vocab_size": rules.max_tokens,
        "special_tokens": list(rules.specials),
        "initial_alphabet": alphabet,
        "show_progress": False,
    }
    texts: list[str] = words.to_pylist()
    if recipe.text.tokenizer == "unigram":
        trainer = library.trainers.UnigramTrainer(**facts, unk_token=rules.unknown)
        model: dict[str, Any] = {
            "type": "Unigram",
            "vocab": [(special, 0.0) for special in rules.specials],
        }
        texts = _of_alphabet(texts, alphabet)
    else:
        trainer = library.trainers.BpeTrainer(**facts, limit_alphabet=len(alphabet))
        vocab = {special: number for number, special in enumerate(rules.specials)}
        model = {"type": "BPE", "vocab": vocab, "merges": []}
    if any(map(str.strip, texts)):
        tokenizer = library.Tokenizer.from_str(pieces_json(recipe, model, normalizers=False))
        tokenizer.train_from_iterator(_repeated(texts, times), trainer)
        model = json.loads(tokenizer.to_str())["model"]
    unknown = (
        _same_each_time(model, rules) if "merges" not in model else {"unk_token": rules.unknown}
    )
    return pieces_json(recipe, model | unknown)


def _same_each_time(model: dict[str, Any], rules: Vocabulary) -> dict[str, Any]:
    """Return the vocabulary of a Unigram model without what differs from run to run.

    Scores are rounded. The library gives each character that is no piece on its own the lowest
    score and some ten thousandths, in any order; here all of these have the lowest.
    """
    pieces = {token: score for token, score in model["vocab"] if token not in rules.specials}
    lowest = min(pieces.values(), default=0.0)
    rare = lowest + _SCORE_STEP * len(pieces)
    scores = {
        token: round((lowest if len(token) == 1 and score <= rare else score) * _SCORES) / _SCORES
        for token, score in pieces.items()
    }
    listed = sorted(scores.items(), key=lambda piece: (-piece[1], piece[0]))
    # There may be one too many. Characters stay, so that all that is known can be written.
    longer = [piece for piece in listed if len(piece[0]) > 1]
    excess = len(rules.specials) + len(listed) - (rules.max_tokens or 0)
    listed = [piece for piece in listed if piece not in longer[len(longer) - max(excess, 0) :]]
    vocab = [*((special, 0.0) for special in rules.specials), *listed]
    return {"unk_id": rules.specials.index(rules.unknown), "vocab": vocab}


def _fewer(words: pa.Array, times: Array) -> tuple[pa.Array, Array]:
    """Return words and their counts, all divided by one number if there are too many characters.

    Words that are left with a count of 0 are left out.
    """
    sizes = numpy_array(pc.utf8_length(words)).astype(np.int64)
    times = times // max(1, -(-int(np.dot(sizes, times)) // _MOST_CHARACTERS))
    return words.filter(arrow_array(times > 0)), times[times > 0]


def _alphabet(words: pa.Array, times: Array, rules: Vocabulary) -> list[str]:
    """Return the characters that become tokens, the most frequent first, and then by code point.

    The mark before words is always the first.
    """
    sizes = numpy_array(pc.utf8_length(words))
    codes = code_points(content_of(words)[0].decode())
    seen = np.bincount(codes, np.repeat(times, sizes), minlength=ord(WORD_BEGIN) + 1)
    seen[ord(WORD_BEGIN)] = np.iinfo(np.int64).max if len(words) else 0
    frequent = np.argsort(-seen, kind="stable")[: np.count_nonzero(seen)]
    assert rules.max_tokens is not None  # noqa: S101  the recipe has looked
    return [chr(code) for code in frequent[: rules.max_tokens - len(rules.specials)].tolist()]


def _of_alphabet(words: Sequence[str], alphabet: Sequence[str]) -> list[str]:
    """Return words with spaces in place of the characters that become no token.

    The Unigram trainer makes a token of each character, however many there are.
    """
    others = "".join({*"".join(words)} - {*alphabet})
    spaces = str.maketrans(others, " " * len(others))
    return [word.translate(spaces) for word in words]


def _repeated(words: Sequence[str], times: Array) -> Iterator[str]:
    """Yield texts that hold each word as often as it was counted."""
    for word, count in zip(words, times.tolist(), strict=True):
        most = max(1, _TEXT_CHARACTERS // len(word))
        for start in range(0, count, most):
            yield f"{word} " * min(most, count - start)
