"""The vocabulary: torchtext's interface, its order, and its file."""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pytest
import torch
import xxhash
from expected_vocab import first_seen_vocab, torchtext_vocab
from hypothesis import given, settings, strategies as st

from shardmill.errors import DamagedFileError, ShardmillError
from shardmill.format.manifest import FileRecord, VocabularyRecord
from shardmill.kinds.text import build_vocab
from shardmill.recipe.text_rules import Vocabulary
from shardmill.text.load_vocab import load_vocab, vocab_bytes
from shardmill.text.vocab import TorchtextImportError, UnknownTokenError, Vocab

TOKENS = ["<unk>", "<pad>", "news", "the", "é"]


def test_tokens_and_their_numbers() -> None:
    vocab = Vocab(TOKENS)
    assert len(vocab) == 5
    assert vocab(["the", "news", "the"]) == [3, 2, 3]
    assert vocab.lookup_indices(["é"]) == [4]
    assert vocab([]) == []
    assert vocab["<unk>"] == 0
    assert vocab.lookup_token(4) == "é"
    assert vocab.lookup_tokens([3, 0, 3]) == ["the", "<unk>", "the"]
    assert vocab.lookup_tokens(torch.tensor([2, 1])) == ["news", "<pad>"]
    assert vocab.get_itos() == TOKENS
    assert vocab.get_stoi() == {"<unk>": 0, "<pad>": 1, "news": 2, "the": 3, "é": 4}


def test_membership() -> None:
    vocab = Vocab(TOKENS, default_index=0)
    assert "news" in vocab
    assert "New" not in vocab  # a default index makes no member
    assert 2 not in vocab


def test_default_index_stands_for_unknown_tokens() -> None:
    vocab = Vocab(TOKENS)
    assert vocab.get_default_index() is None
    vocab.set_default_index(3)
    assert vocab.get_default_index() == 3
    assert vocab["zebra"] == 3
    assert vocab(["zebra", "news"]) == [3, 2]
    vocab.set_default_index(0)
    assert vocab(["zebra", "news"]) == [0, 2]
    assert Vocab(TOKENS, default_index=1)["zebra"] == 1


def test_unknown_token_without_default_is_a_runtime_error() -> None:
    vocab = Vocab(TOKENS, default_index=0)
    vocab.set_default_index(None)
    match = "token 'zebra': expected a token of the vocabulary, .*set one with set_default_index"
    for error in (RuntimeError, UnknownTokenError, ShardmillError):
        with pytest.raises(error, match=match):
            vocab["zebra"]
    with pytest.raises(RuntimeError, match=match):
        vocab(["news", "zebra"])
    with pytest.raises(RuntimeError, match=match):
        vocab.lookup_indices(["zebra"])


@pytest.mark.parametrize("index", [-1, 5, 2**40])
def test_number_out_of_range(index: int) -> None:
    vocab = Vocab(TOKENS)
    match = f"no token {index}: the vocabulary has 5 tokens"
    with pytest.raises(IndexError, match=match):
        vocab.lookup_token(index)
    with pytest.raises(IndexError, match=match):
        vocab.lookup_tokens([0, index])


def test_duplicates_are_refused() -> None:
    with pytest.raises(ValueError, match="names each token once"):
        Vocab(["a", "b", "a"])


def test_what_is_given_out_is_a_copy() -> None:
    tokens = list(TOKENS)
    vocab = Vocab(tokens)
    tokens.append("late")
    vocab.get_itos().append("late")
    stoi = vocab.get_stoi()
    assert isinstance(stoi, dict)
    stoi["late"] = 5
    assert vocab.get_itos() == TOKENS
    assert "late" not in vocab


def test_equality_is_that_of_the_tokens() -> None:
    vocab = Vocab(TOKENS)
    assert vocab == Vocab(TOKENS, default_index=0)
    assert hash(vocab) == hash(Vocab(TOKENS, default_index=0))
    assert vocab != Vocab(TOKENS[::-1])
    assert vocab != TOKENS


# torchtext: what needs the library itself is in test_torchtext_parity.py


class TorchtextLike:
    def get_itos(self) -> list[str]:
        return list(TOKENS)

    def get_default_index(self) -> int | None:
        return 3


def test_from_torchtext_needs_no_torchtext_of_its_own() -> None:
    vocab = Vocab.from_torchtext(TorchtextLike())
    assert vocab == Vocab(TOKENS)
    assert vocab.get_default_index() == 3


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("No module named 'torchtext'"),
        OSError("libtorchtext.so: undefined symbol"),
    ],
)
def test_to_torchtext_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    class Refuse:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name.partition(".")[0] == "torchtext":
                raise error

    for name in [name for name in sys.modules if name.partition(".")[0] == "torchtext"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Refuse(), *sys.meta_path])
    match = (
        r"Vocab\.to_torchtext: expected torchtext 0\.18\.0 beside torch 2\.3 and numpy 1, .*"
        rf"found {type(error).__name__}: {error}; "
        r"install shardmill\[torchtext\] .*constraints-torchtext\.txt"
    )
    for kind in (ImportError, ShardmillError, TorchtextImportError):
        with pytest.raises(kind, match=match):
            Vocab(TOKENS).to_torchtext()


# vocab.txt


def write_vocab(folder: Path, vocab: Vocab) -> VocabularyRecord:
    content = vocab_bytes(vocab)
    (folder / "vocab.txt").write_bytes(content)
    digest = xxhash.xxh3_128_hexdigest(content)
    return VocabularyRecord(
        tokens=len(vocab),
        unknown="<unk>",
        padding="<pad>",
        padding_id=1,
        vocab=FileRecord(path="vocab.txt", bytes=len(content), xxh3_128=digest),
        tokenizer=FileRecord(path="tokenizer.json", bytes=0, xxh3_128=digest),
    )


def test_golden_bytes() -> None:
    assert vocab_bytes(Vocab(TOKENS)) == b"<unk>\n<pad>\nnews\nthe\n\xc3\xa9\n"
    assert vocab_bytes(Vocab([])) == b""


# Line ends of str.splitlines() that are no newline, byte order mark, spaces, zero, all planes.
ODD = [*"\x85\u2028\u2029\r\x0c\x1c\ufeff \0\U0001f600", "a\x0bb"]


def test_round_trip_of_odd_characters(tmp_path: Path) -> None:
    vocab = Vocab([*ODD, "<unk>"])
    loaded = load_vocab(tmp_path, write_vocab(tmp_path, vocab))
    assert loaded.get_itos() == [*ODD, "<unk>"]
    assert loaded.get_default_index() == len(ODD)
    assert loaded["zebra"] == len(ODD)


tokens_without_newline = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"))


@settings(max_examples=60, deadline=None)
@given(st.lists(tokens_without_newline | st.sampled_from(ODD), unique=True))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, tokens: list[str]) -> None:
    folder = tmp_path_factory.mktemp("vocab")
    vocab = Vocab([*dict.fromkeys(["<unk>", *tokens])])
    assert load_vocab(folder, write_vocab(folder, vocab)) == vocab


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (None, 0),
        (b"", 0),
        # cut short, inside a line or after one
        (b"<unk>\n<pad>\nnews\nthe", 20),
        (b"<unk>\n<pad>\nnews\nthe\n", 21),
        # another token, another newline
        (b"<unk>\n<pad>\nnews\nthe\n\xc3\xa9\na\n", 26),
        (b"<unk>\n<pad>\nnews\nthe\n\n\n\n", 24),
        # another token of the same length, and one that is there already
        (b"<unk>\n<pad>\nnews\nthy\n\xc3\xa9\n", 24),
        (b"<unk>\n<pad>\nnews\n\xff\xff\xff\n\xc3\xa9\n", 24),
        # the lines in Windows' manner
        (b"<unk>\r\n<pad>\r\nnews\r\nthe\r\n\xc3\xa9\r\n", 29),
    ],
)
def test_damaged_file(tmp_path: Path, content: bytes | None, size: int) -> None:
    record = write_vocab(tmp_path, Vocab(TOKENS))
    (tmp_path / "vocab.txt").unlink()
    if content is not None:
        (tmp_path / "vocab.txt").write_bytes(content)
    match = rf"vocab\.txt: expected 24 bytes with xxh3_128 .*, found {size} bytes with .*; build"
    with pytest.raises(DamagedFileError, match=match):
        load_vocab(tmp_path, record)


# Building


def count_tokens(texts: Iterable[Sequence[str]]) -> pa.Table:
    counter = Counter(chain.from_iterable(texts))
    tokens = pa.array(list(counter), pa.string())
    return pa.table({"token": tokens, "count": pa.array(counter.values(), pa.int64())})


words = st.sampled_from(["a", "b", "B", "ab", "é", "\uffff", "\U0001f600", "<unk>", "<pad>", "<s>"])
text_lists = st.lists(st.lists(words | st.text(min_size=1, max_size=2), max_size=12), max_size=5)
options = st.builds(
    lambda extra, min_freq, room: Vocabulary(
        specials=("<unk>", "<pad>", *extra),
        min_freq=min_freq,
        max_tokens=None if room is None else 2 + len(extra) + room,
    ),
    st.sampled_from([(), ("<s>",), ("<s>", "a")]),
    st.integers(1, 4),
    st.none() | st.integers(1, 8),
)


@settings(max_examples=150, deadline=None)
@given(text_lists, options)
def test_order_by_frequency_is_torchtexts(texts: list[list[str]], facts: Vocabulary) -> None:
    vocab = build_vocab(count_tokens(texts), facts)
    expected = torchtext_vocab(texts, facts.min_freq, facts.specials, facts.max_tokens)
    assert vocab.get_itos() == expected
    assert vocab.get_default_index() == 0


@settings(max_examples=150, deadline=None)
@given(text_lists, options)
def test_order_of_first_appearance(texts: list[list[str]], facts: Vocabulary) -> None:
    first_seen = facts.model_copy(update={"order": "first_seen"})
    expected = first_seen_vocab(texts, facts.min_freq, facts.specials, facts.max_tokens)
    assert build_vocab(count_tokens(texts), first_seen).get_itos() == expected


TEXTS = [["b", "a", "b"], ["c", "<pad>", "a", "b", "Z"], ["<pad>"]]  # b 3, a 2, <pad> 2, c, Z


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # frequency, then code point: Z before c; <pad> keeps its place
        (Vocabulary(), ["<unk>", "<pad>", "b", "a", "Z", "c"]),
        (Vocabulary(order="first_seen"), ["<unk>", "<pad>", "b", "a", "c", "Z"]),
        (Vocabulary(min_freq=2), ["<unk>", "<pad>", "b", "a"]),
        (Vocabulary(min_freq=9), ["<unk>", "<pad>"]),
        # max_tokens counts the specials
        (Vocabulary(max_tokens=3), ["<unk>", "<pad>", "b"]),
        # and a special that the text holds takes one of the places, as in torchtext
        (Vocabulary(max_tokens=4), ["<unk>", "<pad>", "b"]),
        (Vocabulary(max_tokens=5), ["<unk>", "<pad>", "b", "a"]),
        # specials in the order given
        (Vocabulary(specials=("c", "<pad>", "<unk>")), ["c", "<pad>", "<unk>", "b", "a", "Z"]),
    ],
)
def test_examples_of_build_vocab(facts: Vocabulary, expected: list[str]) -> None:
    vocab = build_vocab(count_tokens(TEXTS), facts)
    assert vocab.get_itos() == expected
    assert vocab.get_default_index() == expected.index("<unk>")


def test_no_text_leaves_the_specials() -> None:
    assert build_vocab(count_tokens([]), Vocabulary()).get_itos() == ["<unk>", "<pad>"]
