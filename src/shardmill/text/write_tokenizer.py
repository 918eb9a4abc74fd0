r"""Writes the vocabulary as a tokenizer.json, which Hugging Face `tokenizers` loads.

The format is what `tokenizers.Tokenizer.to_str()` of 0.21 writes for a WordLevel model
(https://huggingface.co/docs/tokenizers/api/models). It states the cleaning steps and the
tokeniser as normalizers, in the order in which they are applied here.

For any text before cleaning, the file gives the same ids as shardmill, with these exceptions:

- The step `html` cannot be stated. The file holds only the steps after it, so it expects text
  without HTML.
- `tokenizers` may know a newer Unicode than Python, with small letters for characters that this
  Python leaves alone: 55 of them in `tokenizers` 0.23 and Python 3.11. If `alphanumeric` comes
  before, these characters are gone, since Python does not count them as letters either.
- After `alphanumeric` and `lowercase`, the small letter of U+0130 has a dot that is not
  alphanumeric. So text that is already cleaned must not be cleaned again, here or there.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from shardmill.recipe.text_recipe import TextRecipe
from shardmill.text.clean_text import is_of_word
from shardmill.text.tokenize_text import SUBSTITUTIONS
from shardmill.text.vocab import Vocab

# Surrogates are left out, and so are the planes from 0x40000 to 0xDFFFF, which hold no letters and
# would take six times as long.
_ALL = np.r_[:0xD800, 0xE000:0x40000, 0xE0000:0xE1000].astype("<u4")
# What stands before the first piece of a word, as in SentencePiece.
WORD_BEGIN = "\u2581"
_SIGMA, _LAST_SIGMA = "\u03a3", "\u03c2"


def tokenizer_json(recipe: TextRecipe, vocab: Vocab, *, unknown: str | None) -> bytes:
    """Return the content of the tokenizer.json of a vocabulary of words or characters."""
    model = {"type": "WordLevel", "vocab": vocab.get_stoi(), "unk_token": unknown}
    normalizer = {"type": "Sequence", "normalizers": [*_cleaning(recipe), *_cutting(recipe)]}
    return _json(model, normalizer, _pre_tokenizer(recipe)).encode()


def pieces_json(recipe: TextRecipe, model: dict[str, Any], *, normalizers: bool = True) -> str:
    """Return the content of a tokenizer.json that cuts words into pieces.

    The mark WORD_BEGIN is put before each word, and every mark of punctuation is a word. So a token
    of several characters with punctuation among them, such as `<unk>`, is never found in a text.

    Args:
        recipe: The recipe.
        model: The model, as the library writes it.
        normalizers: Whether to state the cleaning steps.
    """
    begin = {"type": "Metaspace", "replacement": WORD_BEGIN, "prepend_scheme": "always"}
    marks = {"type": "Punctuation", "behavior": "Isolated"}
    words = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, begin, marks]}
    normalizer = {"type": "Sequence", "normalizers": _cleaning(recipe)} if normalizers else None
    return _json(model, normalizer, words, decoder=begin)


def _json(
    model: dict[str, Any],
    normalizer: dict[str, Any] | None,
    pre_tokenizer: dict[str, Any],
    *,
    decoder: dict[str, Any] | None = None,
) -> str:
    facts: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        # None are added, since tokenizers would find them in the text itself before it is cleaned.
        "added_tokens": [],
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": None,
        "decoder": decoder,
        "model": model,
    }
    return json.dumps(facts, ensure_ascii=False) + "\n"  # indenting takes 80 ms


def _steps(recipe: TextRecipe) -> list[str]:
    steps: list[str] = list(recipe.text.clean)
    while "html" in steps:
        steps.pop(0)
    return steps


def _cleaning(recipe: TextRecipe) -> list[dict[str, Any]]:
    return [normalizer for step in _steps(recipe) for normalizer in _STEPS[step]()]


def _cutting(recipe: TextRecipe) -> list[dict[str, Any]]:
    normalizers = []
    if recipe.text.tokenizer == "basic_english":
        normalizers += [] if "lowercase" in _steps(recipe) else _lowercase()
        normalizers += [_replace(new, String=old) for old, new in SUBSTITUTIONS]
    # str.split() also splits at these characters. WhitespaceSplit goes by the White_Space of
    # Unicode, which lacks them.
    return [*normalizers, _replace(" ", Regex=r"[\x{1c}-\x{1f}]")]


def _pre_tokenizer(recipe: TextRecipe) -> dict[str, Any]:
    words = {"type": "WhitespaceSplit"}
    if recipe.text.tokenizer != "characters":
        return words
    # A word holds no line feed, the only character that the dot does not match.
    split = {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [words, split]}


def _replace(content: str, **pattern: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": pattern, "content": content}


def _only_alphanumeric() -> list[dict[str, Any]]:
    # For Python's `re`, \w is exactly the characters with str.isalnum(), and _.
    runs = [(run[0], run[-1]) for run in re.findall(r"[^\W_]+", _ALL.tobytes().decode("utf-32-le"))]
    return _only([(ord(first), ord(last)) for first, last in runs])


def _only_words() -> list[dict[str, Any]]:
    chosen = np.zeros(0x110000, np.bool_)
    chosen[_ALL] = [is_of_word(character) for character in _ALL.tobytes().decode("utf-32-le")]
    return _only(_runs(chosen))


def _only(runs: Iterable[tuple[int, int]]) -> list[dict[str, Any]]:
    # All characters are listed, since \p{L} and \p{N} depend on the version of Unicode.
    return [_replace(" ", Regex=f"[^{''.join(_range(*run) for run in runs)}]")]


def _lowercase() -> list[dict[str, Any]]:
    r"""Return the two normalizers that do what `str.lower()` does.

    `Lowercase` does not look at neighbours, so a final sigma is replaced before: one that comes
    after a cased character and not before one, with any number of characters in between that case
    ignores (Final_Sigma in SpecialCasing.txt of Unicode). \K begins the match at the sigma.
    """
    cased = _makes_last_sigma("")
    ignored = _class_of(_makes_last_sigma("A") & ~cased)
    last = rf"{_class_of(cased)}{ignored}*\K{_SIGMA}(?!{ignored}*{_class_of(cased)})"
    return [_replace(_LAST_SIGMA, Regex=last), {"type": "Lowercase"}]


def _makes_last_sigma(before: str) -> Any:
    """Return for each code point whether a sigma after `before` and it is a final one.

    Python does not say which characters are cased and which case ignores, but str.lower() of such
    lines shows it.
    """
    # The other planes hold ideographs and private characters. Surrogates cannot be encoded, and a
    # line feed would end the line.
    codes = np.r_[:10, 11:0xD800, 0xE000:0x20000, 0xE0000:0xE1000].astype("<u4")
    lines = np.empty((len(codes), len(before) + 3), "<u4")
    for column, code in enumerate((*map(ord, before), codes, ord(_SIGMA), 10)):
        lines[:, column] = code
    lowered = lines.tobytes().decode("utf-32-le").lower().encode("utf-32-le")
    found = np.frombuffer(lowered, "<u4")
    makes = np.zeros(0x110000, np.bool_)
    makes[codes] = found[np.flatnonzero(found == 10) - 1] == ord(_LAST_SIGMA)
    return makes


def _class_of(chosen: Any) -> str:
    return f"[{''.join(_range(*run) for run in _runs(chosen))}]"


def _runs(chosen: Any) -> list[tuple[int, int]]:
    """Return the first and the last of each run of code points that are chosen."""
    edges = np.flatnonzero(np.diff(chosen, prepend=False, append=False)).tolist()
    return [(first, after - 1) for first, after in zip(edges[::2], edges[1::2], strict=True)]


def _range(first: int, last: int) -> str:
    return rf"\x{{{first:x}}}" + (rf"-\x{{{last:x}}}" if last > first else "")


_STEPS = {
    "newlines": lambda: [_replace(" ", String="\\n")],
    "nfc": lambda: [{"type": "NFC"}],
    "alphanumeric": _only_alphanumeric,
    "words": _only_words,
    "lowercase": _lowercase,
}
