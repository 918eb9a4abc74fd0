"""The golden tokens and vocabularies: what torchtext 0.18 makes of generated strings.

`.venv-torchtext/bin/python tests/support/torchtext_golden.py` writes them anew, by the real library
alone: no code of shardmill's has a part in it.
"""

import json
import random
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden" / "torchtext.json"

WORDS = (
    "the a rain Rain oak OAK Apple elm don't it's 'quoted' U.S. 3.14 1,000 e-mail x_y a/b".split()
)
# Letters whose small form is another length, depends on its place, or is in another plane.
LETTERS = "École STRASSE straße ΟΔΟΣ ΣΑΣ Σ İstanbul IŞIK ǅ ﬁne ÅÅ 日本語 Привет עברית 𐐀𐐁".split()
LETTERS += ["e\u0301", "\U0001f600"]
MARKS = "' \" . , ( ) ! ? ; : - … “ ” \u2018 « » ¿ ¡ # $ % & * + / @ [ ] ^ ` { | } ~ \\".split()
MARKUP = ["<br />", "<BR />", "<br/>", "<br >", "<br. />", '<br" />', "&amp;", "<unk>", "<pad>"]
# All that str.split() splits at and some that it does not.
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x1f", "\x85"]
SPACES += ["\xa0", "\u2003", "\u2028", "\u2029", "\u3000", "\u200b", "\ufeff", "\0"]
POOLS = [WORDS, LETTERS, MARKS, MARKUP, SPACES]

SPECIALS = ["<unk>", "<pad>"]
# name of torchtext's function -> its arguments
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("build_vocab_from_iterator", {}),
    ("build_vocab_from_iterator", {"min_freq": 3}),
    ("build_vocab_from_iterator", {"max_tokens": 30}),
    ("build_vocab_from_iterator", {"max_tokens": 40, "min_freq": 20}),
    ("build_vocab_from_iterator", {"specials": [".", "<unk>", "rain", "<pad>"], "max_tokens": 25}),
    ("vocab", {}),
    ("vocab", {"min_freq": 4, "specials": ["<pad>", "<s>", "<unk>"]}),
]


def generate(seed: int, texts: int) -> list[str]:
    """Return that many strings: of one pool, or of all, with and without spaces between."""
    draw = random.Random(seed)
    made = ["", " ", *(piece for pool in POOLS for piece in pool)]
    while len(made) < texts:
        pools = draw.choice([POOLS, [WORDS, MARKS], [WORDS, SPACES], [LETTERS, MARKS]])
        pieces = [draw.choice(draw.choice(pools)) for _ in range(draw.randint(2, 14))]
        made.append(draw.choice(["", " "]).join(pieces))
    return made


def make_vocab(function: str, tokens: list[list[str]], options: dict[str, Any]) -> Any:
    """Return torchtext's vocabulary, with the unknown token as its default index."""
    from torchtext.vocab import build_vocab_from_iterator, vocab

    options = {"specials": SPECIALS, **options}
    if function == "vocab":
        made = vocab(OrderedDict(Counter(token for row in tokens for token in row)), **options)
    else:
        made = build_vocab_from_iterator(tokens, **options)
    made.set_default_index(made["<unk>"])
    return made


def golden() -> dict[str, Any]:
    """Return strings with their tokens, and vocabularies of them with the ids of all tokens."""
    import torchtext
    from torchtext.data.utils import get_tokenizer

    texts = generate(seed=0, texts=400)
    tokens = [get_tokenizer("basic_english")(text) for text in texts]
    vocabularies = []
    for function, options in OPTIONS:
        made = make_vocab(function, tokens, options)
        ids = [made(row) for row in tokens]
        facts = {"function": function, "options": options, "tokens": made.get_itos(), "ids": ids}
        vocabularies.append(facts)
    rows = [[text, *row] for text, row in zip(texts, tokens, strict=True)]
    version = torchtext.__version__.split("+")[0]
    return {"torchtext": version, "basic_english": rows, "vocabularies": vocabularies}


def as_json(facts: dict[str, Any]) -> str:
    """Return `facts` in ASCII, for editors and git, with a line for each string and vocabulary."""
    texts = ",\n".join(map(json.dumps, facts["basic_english"]))
    vocabularies = ",\n".join(map(json.dumps, facts["vocabularies"]))
    return (
        f'{{"torchtext": "{facts["torchtext"]}",\n'
        f'"basic_english": [\n{texts}\n],\n"vocabularies": [\n{vocabularies}\n]}}\n'
    )


if __name__ == "__main__":
    GOLDEN.write_text(as_json(golden()), encoding="ascii")
