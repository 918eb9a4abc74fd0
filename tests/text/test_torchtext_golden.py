"""Tokens and vocabularies are those that torchtext made of the golden strings."""

import json
from typing import Any

import pytest
from fit_texts import our_vocab
from torchtext_golden import GOLDEN, OPTIONS, SPECIALS, generate

from shardmill.recipe.text_rules import Vocabulary
from shardmill.text.tokenize_text import tokenize_rows

FACTS: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="ascii"))
TEXTS = [text for text, *_ in FACTS["basic_english"]]
TOKENS = [tokens for _, *tokens in FACTS["basic_english"]]
ORDERS = {"build_vocab_from_iterator": "frequency", "vocab": "first_seen"}


def test_golden_strings_are_the_generated_ones() -> None:
    assert FACTS["torchtext"] == "0.18.0"
    assert generate(seed=0, texts=400) == TEXTS
    assert [(v["function"], v["options"]) for v in FACTS["vocabularies"]] == OPTIONS


def test_tokens() -> None:
    assert tokenize_rows(TEXTS, "basic_english") == TOKENS
    # each alone, since an array with one text that is not ASCII takes another path
    assert [tokenize_rows([text], "basic_english") for text in TEXTS] == [
        [tokens] for tokens in TOKENS
    ]


@pytest.mark.parametrize("number", range(len(OPTIONS)))
def test_vocabularies(number: int) -> None:
    facts = FACTS["vocabularies"][number]
    options = {"specials": SPECIALS, "order": ORDERS[facts["function"]], **facts["options"]}
    vocab = our_vocab(TEXTS, "basic_english", Vocabulary.model_validate_json(json.dumps(options)))
    assert vocab.get_itos() == facts["tokens"]
    assert [vocab(row) for row in TOKENS] == facts["ids"]
