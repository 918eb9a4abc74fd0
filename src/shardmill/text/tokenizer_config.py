"""Writes tokenizer_config.json, by which Hugging Face `transformers` opens a tokenizer.json.

A tokenizer.json does not say which token fills up short texts. `AutoTokenizer.from_pretrained`
looks for that in this file beside it
(https://huggingface.co/docs/transformers/main_classes/tokenizer).
"""

import json
from typing import Any

CONFIG_NAME = "tokenizer_config.json"


def tokenizer_config(tokenizer: bytes, *, unknown: str | None, padding: str | None) -> bytes:
    """Return the content of the tokenizer_config.json beside a tokenizer.json.

    It names no length that texts are cut to, and nothing that could be code.

    Args:
        tokenizer: The content of the tokenizer.json.
        unknown: The token that stands for unknown tokens; None if there is none.
        padding: The token that fills up short texts; None if there is none.

    Example:
        >>> empty = b'{"added_tokens": []}'
        >>> facts = json.loads(tokenizer_config(empty, unknown="<unk>", padding="<pad>"))
        >>> facts["pad_token"], facts["tokenizer_class"]
        ('<pad>', 'PreTrainedTokenizerFast')
    """
    facts: dict[str, Any] = {
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    facts |= {} if unknown is None else {"unk_token": unknown}
    facts |= {} if padding is None else {"pad_token": padding}
    if not json.loads(tokenizer)["added_tokens"]:
        # Otherwise transformers would find the two tokens in texts, where they are only characters.
        facts["split_special_tokens"] = True
    return (json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def config_fault(content: bytes, *, unknown: str | None, padding: str | None) -> str:
    """Return how a tokenizer_config.json contradicts the two tokens of the manifest; or nothing."""
    try:
        facts = json.loads(content)
        found = (facts.get("unk_token"), facts.get("pad_token"))
    except (ValueError, AttributeError, RecursionError):
        return "no JSON of a tokenizer"
    return "" if found == (unknown, padding) else f"the tokens {found}, not {(unknown, padding)}"
