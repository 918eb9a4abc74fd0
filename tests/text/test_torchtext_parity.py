"""Tokens and vocabularies equal those of the real torchtext: `make test-torchtext` runs this.

What a recipe cannot say is not compared: `special_first=False`, and specials without an unknown
token and a padding. What torchtext cannot do neither: `max_tokens` in order of first appearance.
"""

import csv
import json
from collections import Counter, OrderedDict
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from building import build
from fit_texts import our_vocab
from hypothesis import given, settings, strategies as st
from torchtext_golden import GOLDEN, golden

import shardmill
from shardmill.recipe.load_recipe import load_recipe
from shardmill.recipe.text_rules import Vocabulary
from shardmill.text.tokenize_text import tokenize_rows
from shardmill.text.vocab import Vocab

try:
    import torchtext.vocab
    from torchtext.data.utils import get_tokenizer
    from torchtext.vocab import build_vocab_from_iterator, vocab
except (ImportError, OSError) as error:  # OSError: built for another torch
    pytest.skip(f"{error}: `make test-torchtext` installs torchtext", allow_module_level=True)

TOKENIZERS = {"basic_english": get_tokenizer("basic_english"), "whitespace": get_tokenizer(None)}
OPTIONS = [
    Vocabulary(),
    Vocabulary(min_freq=2),
    Vocabulary(min_freq=7, specials=("<pad>", "<s>", "<unk>")),
    Vocabulary(max_tokens=1_000),
    # specials that the texts hold, and places that they take from the most frequent tokens
    Vocabulary(specials=("the", "<unk>", ".", "<pad>"), max_tokens=500, min_freq=3),
    Vocabulary(max_tokens=10_000_000),
]


def their_vocab(tokens: Sequence[Sequence[str]], options: Vocabulary) -> "torchtext.vocab.Vocab":
    """Return torchtext's vocabulary, with the unknown token as its default index."""
    specials = list(options.specials)
    if options.order == "frequency":
        made = build_vocab_from_iterator(
            tokens, options.min_freq, specials, max_tokens=options.max_tokens
        )
    else:
        # A Counter, and so the OrderedDict, keeps the order of first appearance.
        counter = Counter(token for row in tokens for token in row)
        made = vocab(OrderedDict(counter), options.min_freq, specials)
    made.set_default_index(made[options.unknown])
    return made


def check_vocabs(texts: Sequence[str], tokenizer: str, options: Vocabulary) -> int:
    """Compare order, default index and ids of all tokens, and return how many ids there were."""
    tokens = [TOKENIZERS[tokenizer](text) for text in texts]
    unknown = [["", "no such token", "\0", "\U0001f600?"]]
    orders = [options]
    if options.max_tokens is None:  # which torchtext has for the order by frequency alone
        orders.append(options.model_copy(update={"order": "first_seen"}))
    for one in orders:
        mine, theirs = our_vocab(texts, tokenizer, one), their_vocab(tokens, one)
        assert mine.get_itos() == theirs.get_itos()
        assert mine.get_default_index() == theirs.get_default_index()
        assert [mine(row) for row in tokens + unknown] == [theirs(row) for row in tokens + unknown]
    return sum(map(len, tokens)) * len(orders)


# Real rows


def read_rows(raw: Path, split: str) -> list[tuple[str, str]]:
    with (raw / f"ag_news/{split}.csv").open(newline="", encoding="utf-8") as file:
        return [(title, description) for _, title, description in csv.reader(file)]


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_tokens_of_real_rows(real_raw: Path, compared: Counter[str], tokenizer: str) -> None:
    for split in ("train", "test"):
        texts = [" ".join(row) for row in read_rows(real_raw, split)]
        tokens = tokenize_rows(texts, tokenizer)
        assert tokens == [TOKENIZERS[tokenizer](text) for text in texts]
        compared[f"real rows by tokens of {tokenizer}"] += len(tokens)
        compared[f"real tokens of {tokenizer}"] += sum(map(len, tokens))


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_vocabularies_of_real_rows(
    real_raw: Path, compared: Counter[str], tokenizer: str, options: Vocabulary
) -> None:
    texts = [" ".join(row) for split in ("train", "test") for row in read_rows(real_raw, split)]
    compared["ids of real tokens"] += check_vocabs(texts, tokenizer, options)
    compared["vocabularies of all real rows"] += 1 + (options.max_tokens is None)


def test_ids_in_an_artifact_of_real_rows(
    real_raw: Path, compared: Counter[str], tmp_path: Path
) -> None:
    artifact = build(load_recipe("ag_news"), real_raw, tmp_path)

    def tokens(split: str) -> list[list[str]]:
        joined = [" ".join(row) for row in read_rows(real_raw, split)]
        cleaned = ("".join(c if c.isalnum() else " " for c in text).lower() for text in joined)
        return [TOKENIZERS["basic_english"](text) for text in cleaned]

    theirs = their_vocab(tokens("train"), Vocabulary())
    for split in ("train", "test"):
        ds = shardmill.AGNewsDataset(artifact, split)
        assert ds.vocab.get_itos() == theirs.get_itos()
        assert [ids.tolist() for ids, _ in ds] == [theirs(row) for row in tokens(split)]
        compared["real rows by ids in an artifact"] += len(ds)


# Any strings

special = st.sampled_from("'\".,()!?;: \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u2028\u3000İΣςßǅ_\0")
pieces = st.sampled_from(["<br />", "<BR />", "<br/>", "don't", "the", "<unk>", "<pad>", "  "])
ascii_texts = st.text(st.characters(max_codepoint=127))
any_texts = st.text() | ascii_texts | st.lists(special | pieces | st.text(max_size=3)).map("".join)
text_lists = st.lists(any_texts, max_size=12)
any_options = st.builds(
    lambda extra, min_freq, room: Vocabulary(
        specials=("<unk>", "<pad>", *extra),
        min_freq=min_freq,
        max_tokens=None if room is None else 2 + len(extra) + room,
    ),
    st.sampled_from([(), ("<s>",), ("the", "'")]),
    st.integers(1, 4),
    st.none() | st.integers(1, 8),
)
every_tokenizer = st.sampled_from([*TOKENIZERS])


@settings(max_examples=3_000, deadline=None)
@given(text_lists, every_tokenizer)
def test_tokens_of_strings(compared: Counter[str], texts: list[str], tokenizer: str) -> None:
    assert tokenize_rows(texts, tokenizer) == [TOKENIZERS[tokenizer](text) for text in texts]
    compared["hypothesis strings by tokens"] += len(texts)


# Each of torchtext's vocabularies takes 120 MB, which is slow to get.
@settings(max_examples=200, deadline=None)
@given(text_lists, every_tokenizer, any_options)
def test_vocabularies_of_strings(
    compared: Counter[str], texts: list[str], tokenizer: str, options: Vocabulary
) -> None:
    check_vocabs(texts, tokenizer, options)
    compared["hypothesis strings by vocabularies and ids"] += len(texts)
    compared["vocabularies of hypothesis strings"] += 1 + (options.max_tokens is None)


# The object and the golden file


TOKENS = ["<unk>", "<pad>", "news", "", "the", "é", "\0", "\U0001f600"]


@pytest.mark.parametrize("default_index", [None, 0, 2, -1, 99])
def test_round_trip(default_index: int | None) -> None:
    mine = Vocab(TOKENS, default_index=default_index)
    theirs = mine.to_torchtext()
    assert type(theirs) is torchtext.vocab.Vocab
    for other in (theirs, Vocab.from_torchtext(theirs), torch.jit.script(theirs)):
        assert len(other) == len(mine)
        assert other.get_itos() == TOKENS
        assert other.get_stoi() == mine.get_stoi()
        assert other.get_default_index() == default_index
        assert other.lookup_indices(TOKENS[::-1]) == mine.lookup_indices(TOKENS[::-1])
        assert other.lookup_tokens([2, 7, 2]) == mine.lookup_tokens([2, 7, 2])
        assert "news" in other
        assert "zebra" not in other
    scripted = Vocab.from_torchtext(torch.jit.script(theirs))
    assert scripted == mine
    assert scripted.get_default_index() == default_index


def test_unknown_tokens_have_the_same_number_or_none() -> None:
    mine = Vocab(TOKENS, default_index=2)
    theirs = mine.to_torchtext()
    assert theirs(["zebra", "the"]) == mine(["zebra", "the"]) == [2, 4]
    theirs.set_default_index(None)
    assert mine["zebra"] == 2  # each has its own
    for one in (theirs, Vocab.from_torchtext(theirs)):
        with pytest.raises(RuntimeError, match="zebra"):
            one["zebra"]


def test_tokens_added_to_torchtexts_come_along() -> None:
    theirs = Vocab(["b", "a"]).to_torchtext()
    theirs.insert_token("c", 1)
    theirs.append_token("d")
    assert Vocab.from_torchtext(theirs) == Vocab(["b", "c", "a", "d"])


def test_vocabulary_of_an_artifact(sample_artifacts: Path) -> None:
    ds = shardmill.AGNewsDataset(sample_artifacts / "ag_news", "test")
    theirs = ds.vocab.to_torchtext()
    assert Vocab.from_torchtext(theirs) == ds.vocab
    ids, _ = ds[0]
    assert theirs.lookup_tokens(ids.tolist()) == ds.vocab.lookup_tokens(ids)


def test_golden_file_is_what_torchtext_makes() -> None:
    assert json.loads(GOLDEN.read_text(encoding="ascii")) == golden()
