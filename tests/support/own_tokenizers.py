"""Small tokenizers of each model that Hugging Face `tokenizers` has, trained on a toy corpus."""

import random
from collections.abc import Callable
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

SPECIALS = ["[UNK]", "[PAD]", "[CLS]", "[SEP]"]


def toy_texts(rows: int, *, seed: int) -> list[str]:
    """Return texts of a few hundred words of three letters, capitals and marks among them."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdeorstÉß", k=draw.randint(1, 6))) for _ in range(300)]
    marks = ["", "", "", ",", ".", "!", " [SEP]"]
    return [
        " ".join(
            draw.choice((str.title, str.lower))(draw.choice(words)) + draw.choice(marks)
            for _ in range(draw.randint(0, 9))
        )
        for _ in range(rows)
    ]


_KINDS: dict[str, tuple[Callable[[], Any], Callable[..., Any]]] = {
    "BPE": (lambda: models.BPE(unk_token="[UNK]"), trainers.BpeTrainer),
    "WordPiece": (lambda: models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer),
    "Unigram": (lambda: models.Unigram(), trainers.UnigramTrainer),
    "WordLevel": (lambda: models.WordLevel(unk_token="[UNK]"), trainers.WordLevelTrainer),
}
MODELS = tuple(_KINDS)


def train_tokenizer(model: str, *, seed: int = 0, vocab_size: int = 200) -> Tokenizer:
    """Return a tokenizer with a post-processor, trained on texts of the seed."""
    empty, trainer = _KINDS[model]
    tokenizer = Tokenizer(empty())
    options: dict[str, Any] = {
        "vocab_size": vocab_size,
        "special_tokens": SPECIALS,
        "show_progress": False,
    }
    if model == "Unigram":
        options["unk_token"] = "[UNK]"
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(toy_texts(200, seed=seed), trainer(**options))
    template = {"single": "[CLS] $A [SEP]", "pair": "[CLS] $A [SEP] $B [SEP]"}
    specials = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(**template, special_tokens=specials)
    return tokenizer
