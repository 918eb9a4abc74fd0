"""Learns a tokenizer.json of byte pair encoding from the words of the train split.

The library Hugging Face `tokenizers` learns it (https://huggingface.co/docs/tokenizers). Its
trainer counts words, and then goes by the counts alone, which are integers. So the result depends
neither on the order of texts nor on threads. Its trainer of Unigram models does not have this
property: it sums floats in an order that differs from run to run.
"""

import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import Array, arrow_array, numpy_array
from shardmill.recipe.text_recipe import TextRecipe, Vocabulary
from shardmill.text.encode_texts import tokenizers_library
from shardmill.text.joined_rows import code_points, content_of
from shardmill.text.write_tokenizer import WORD_BEGIN, pieces_json

# The library is given each word as often as it was counted, which takes half a minute for so many
# characters. It counts pairs of characters as int32, which so many cannot exceed.
_MOST_CHARACTERS = 2**27

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
    trainer = library.trainers.BpeTrainer(
        vocab_size=rules.max_tokens,
        special_tokens=list(rules.specials),
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    tokenizer = library.Tokenizer.from_str(pieces_json(recipe, _NO_PIECES, normalizers=False))
    tokenizer.train_from_iterator(_texts(words, times), trainer)
    model = {**json.loads(tokenizer.to_str())["model"], "unk_token": rules.unknown}
    return pieces_json(recipe, model)


_NO_PIECES = {"type": "BPE", "vocab": {}, "merges": []}


def _fewer(words: pa.Array, times: Array) -> tuple[pa.Array, Array]:
    """Return words and their counts, all divided by one number if there are too many characters.

    Words that are left with a count of 0 are left out.
    """
    sizes = numpy_array(pc.utf8_length(words)).astype(np.int64)
    times = times // max(1, -(-int(np.dot(sizes, times)) // _MOST_CHARACTERS))
    return words.filter(arrow_array(times > 0)), times[times > 0]


def _alphabet(words: pa.Array, times: Array, rules: Vocabulary) -> list[str]:
    """Return the characters that become tokens, the most frequent first, and then by code point."""
    sizes = numpy_array(pc.utf8_length(words))
    codes = code_points(content_of(words)[0].decode())
    seen = np.bincount(codes, np.repeat(times, sizes), minlength=ord(WORD_BEGIN) + 1)
    seen[ord(WORD_BEGIN)] += times.sum()
    frequent = np.argsort(-seen, kind="stable")[: np.count_nonzero(seen)]
    assert rules.max_tokens is not None  # noqa: S101  the recipe has looked
    return [chr(code) for code in frequent[: rules.max_tokens - len(rules.specials)].tolist()]


def _texts(words: pa.Array, times: Array) -> Iterator[str]:
    """Yield texts that hold each word as often as it was counted."""
    for word, count in zip(words.to_pylist(), times.tolist(), strict=True):
        most = max(1, _TEXT_CHARACTERS // len(word))
        for start in range(0, count, most):
            yield f"{word} " * min(most, count - start)
