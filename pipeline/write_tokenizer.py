"""Writes the vocabulary as a tokenizer.json, which Hugging Face `tokenizers` loads.

The format is what `tokenizers.Tokenizer.to_str()` of 0.21 writes for a WordLevel model
(https://huggingface.co/docs/tokenizers/api/models). It states the cleaning steps and the
tokeniser as a normalizer, in the order in which they are applied here.
"""

import json
from typing import Any

from shardmill.text_recipe import TextRecipe
from shardmill.tokenize_text import SUBSTITUTIONS
from shardmill.vocab import Vocab

_STEPS: dict[str, dict[str, Any]] = {
    "alphanumeric": {"type": "Replace", "pattern": {"Regex": r"[^\p{L}\p{N}]"}, "content": " "},
    "lowercase": {"type": "Lowercase"},
}


def tokenizer_json(recipe: TextRecipe, vocab: Vocab, *, unknown: str | None) -> bytes:
    """Return the content of tokenizer.json."""
    steps = [_STEPS[step] for step in recipe.text.clean]
    if recipe.text.tokenizer == "basic_english":
        steps.append({"type": "Lowercase"})
        steps += [
            {"type": "Replace", "pattern": {"String": old}, "content": new}
            for old, new in SUBSTITUTIONS
        ]
    facts: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        # None: tokenizers would find the specials in the text itself, before it is cleaned.
        "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": steps},
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": vocab.get_stoi(),
            "unk_token": unknown,
        },
    }
    return (json.dumps(facts, ensure_ascii=False) + "\n").encode()  # indenting takes 80 ms
