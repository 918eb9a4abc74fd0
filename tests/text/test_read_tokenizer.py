"""A tokenizer.json of a recipe: what is read of it, and what is wrong with it."""

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fit_rows import fit_preprocessor
from own_tokenizers import MODELS, SPECIALS, train_tokenizer
from tokenizer_texts import TOKENIZER, build, recipe_of, write_texts, write_tokenizer
from tokenizers import Tokenizer, models

from shardmill import Preprocessor, TextDataset
from shardmill.errors import (
    DamagedFileError,
    InputError,
    MissingLibraryError,
    MissingRawFileError,
    RecipeError,
    TokenizerFileError,
)
from shardmill.text.encode_texts import _tokenizer, check_tokenizer, encode_texts
from shardmill.text.tokenizer_file import TokenizerFacts, read_tokenizer
from shardmill.text.vocab import UnknownTokenError


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw texts without a tokenizer, for tests that add one to a copy."""
    raw = tmp_path_factory.mktemp("toy")
    write_texts(raw, 40)
    return raw


@pytest.fixture
def raw(toy: Path, tmp_path: Path) -> Path:
    """A folder of raw texts with a tokenizer."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/texts.csv").write_bytes((toy / "texts.csv").read_bytes())
    write_tokenizer(tmp_path / "raw", train_tokenizer("WordPiece"))
    return tmp_path / "raw"


# What stands in the file


def facts_of(model: dict[str, Any], **more: Any) -> TokenizerFacts:
    facts = {"model": model, "added_tokens": [], **more}
    return read_tokenizer(json.dumps(facts).encode(), where="t.json")


@pytest.mark.parametrize("model", MODELS)
def test_vocabulary_is_the_librarys(model: str) -> None:
    tokenizer = train_tokenizer(model)
    tokenizer.add_tokens(["new word"])
    facts = read_tokenizer(tokenizer.to_str().encode(), where="t.json")
    assert facts.vocab.get_stoi() == tokenizer.get_vocab()
    assert facts.vocab["new word"] == len(facts.vocab) - 1
    assert (facts.unknown, facts.padding) == ("[UNK]", "[PAD]")
    assert [facts.vocab[name] for name in SPECIALS] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("padding", "vocab", "expected"),
    [
        # what the file pads with, if it is a token
        ({"pad_token": "b"}, ["a", "b", "<pad>"], "b"),
        ({"pad_token": "x"}, ["a", "b", "<pad>"], "<pad>"),
        # else what others have called it
        (None, ["a", "[PAD]"], "[PAD]"),
        (None, ["a", "<|pad|>"], "<|pad|>"),
        (None, ["a", "b"], None),
    ],
)
def test_padding(padding: Any, vocab: list[str], expected: str | None) -> None:
    numbers = {token: number for number, token in enumerate(vocab)}
    assert facts_of({"vocab": numbers}, padding=padding).padding == expected


def test_no_unknown_token() -> None:
    for unknown in ({}, {"unk_token": None}, {"unk_token": "absent"}):
        facts = facts_of({"vocab": {"a": 0}, **unknown})
        assert facts.unknown is None
        with pytest.raises(UnknownTokenError, match="no default index"):
            facts.vocab["zebra"]
    assert facts_of({"vocab": [["a", -1.5], ["u", 0.0]], "unk_id": None}).unknown is None
    facts = facts_of({"vocab": [["a", -1.5], ["u", 0.0]], "unk_id": 1})
    assert (facts.unknown, facts.vocab["zebra"]) == ("u", 1)


def test_numbers_without_a_token() -> None:
    added = [{"id": 4, "content": "<s>"}, {"id": 3, "content": "a"}]
    facts = facts_of({"vocab": {"a": 0, "b": 2}}, added_tokens=added)
    assert facts.vocab.get_itos() == ["<unused 0>", "<unused 1>", "b", "a", "<s>"]


BAD = [
    # not JSON
    (b"not json", "JSONDecodeError"),
    (b'{"model": ', "JSONDecodeError"),
    (b"\xff\xfe{\0}\0", "UnicodeDecodeError"),
    (b"\xef\xbb\xbf{}", "JSONDecodeError"),
    (b"[" * 100_000, "RecursionError"),
    # something else
    (b"[]", "TypeError"),
    (b"3", "TypeError"),
    (b"{}", "KeyError: 'model'"),
    (b'{"model": {"vocab": {"a": 0}}}', "KeyError: 'added_tokens'"),
    (b'{"model": {"type": "BPE"}, "added_tokens": []}', "KeyError: 'vocab'"),
    (b'{"model": {"vocab": 3}, "added_tokens": []}', "TypeError"),
    (b'{"model": {"vocab": ["a", "b"]}, "added_tokens": []}', "ValueError"),
    (b'{"model": {"vocab": {}}, "added_tokens": []}', "ValueError"),
    (b'{"model": {"vocab": {"a": "x"}}, "added_tokens": []}', "ValueError"),
    (b'{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 1}]}', "KeyError: 'content'"),
    (b'{"model": {"vocab": [["a", 0]], "unk_id": 9}, "added_tokens": []}', "IndexError"),
    (b'{"model": {"vocab": {"a": 0}}, "added_tokens": [], "padding": 3}', "AttributeError"),
    # numbers that no shard can hold
    (b'{"model": {"vocab": {"a": -1}}, "added_tokens": []}', "numbers of tokens from -1 to -1"),
    (b'{"model": {"vocab": {"a": 4e9}}, "added_tokens": []}', "from 4000000000 to 4000000000"),
    (b'{"model": {"vocab": {"a": 1e999}}, "added_tokens": []}', "infinity"),
    (b'{"model": {"vocab": {"a": 0}, "unk_token": ["a"]}, "added_tokens": []}', "no text"),
    (
        b'{"model": {"vocab": {"a": 0}}, "added_tokens": [], "padding": {"pad_token": {}}}',
        "no text",
    ),
]


@pytest.mark.parametrize(("content", "found"), BAD)
def test_faults_of_the_file(content: bytes, found: str) -> None:
    match = r"^t\.json: expected a tokenizer\.json .*, found something else \(.*; save it with"
    with pytest.raises(TokenizerFileError, match=match) as caught:
        read_tokenizer(content, where="t.json")
    assert found in caught.value.found


@pytest.mark.parametrize(
    "content",
    [
        *(content for content, _ in BAD),
        # whose tokens can be read, and which encodes nothing
        b'{"model": {"type": "New", "vocab": {"a": 0}}, "added_tokens": []}',
        b'{"version": "9", "model": {"type": "WordLevel", "vocab": {"a": 0}}, "added_tokens": []}',
    ],
)
def test_a_bad_file_fails_before_the_clean_stage(raw: Path, tmp_path: Path, content: bytes) -> None:
    artifact = build(recipe_of(), raw, tmp_path).artifact
    before = (artifact / "manifest.json").read_bytes()
    (raw / TOKENIZER).write_bytes(content)
    with (raw / "texts.csv").open("a") as file:
        file.write("a,one more\n")
    with pytest.raises(TokenizerFileError, match=r"tok/tokenizer\.json: expected a tokenizer"):
        build(recipe_of(), raw, tmp_path)
    assert (artifact / "manifest.json").read_bytes() == before
    assert len(list(artifact.glob("clean-*"))) == 1


def test_a_missing_file(raw: Path, tmp_path: Path) -> None:
    (raw / TOKENIZER).rename(raw / "tok/tokenizers.json")
    match = r"tok/tokenizer\.json: expected a raw file, found tokenizers\.json beside it; check"
    with pytest.raises(MissingRawFileError, match=match):
        build(recipe_of(), raw, tmp_path)
    (raw / "tok/tokenizers.json").unlink()
    recipe = recipe_of('text.tokenizer_file.urls = ["https://localhost/tokenizer.json"]')
    with pytest.raises(MissingRawFileError, match="found none; run `shardmill fetch`, or check"):
        build(recipe, raw, tmp_path)


def test_an_empty_file(raw: Path, tmp_path: Path) -> None:
    (raw / TOKENIZER).write_bytes(b"")
    with pytest.raises(InputError, match=r"tok/tokenizer\.json: .* found an empty file"):
        build(recipe_of(), raw, tmp_path)


def test_a_damaged_copy(raw: Path, tmp_path: Path) -> None:
    artifact = build(recipe_of(), raw, tmp_path).artifact
    (written,) = artifact.glob("shards-*/tokenizer.json")
    written.write_bytes(written.read_bytes().replace(b"[PAD]", b"[pad]"))
    with pytest.raises(DamagedFileError, match=r"tokenizer\.json: expected .* with xxh3_128"):
        Preprocessor.load(artifact)
    with pytest.raises(DamagedFileError, match=r"tokenizer\.json: expected .* with xxh3_128"):
        TextDataset(artifact).vocab  # noqa: B018


def test_without_the_library(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = build(recipe_of(), raw, tmp_path / "out").artifact
    write_tokenizer(raw, train_tokenizer("WordLevel", seed=3))
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    match = (
        r"^text\.tokenizer_file: expected the library tokenizers, found none; "
        r"pip install 'shardmill\[tokenizers\]'$"
    )
    # To build: before anything has been cleaned.
    with pytest.raises(MissingLibraryError, match=match):
        build(recipe_of(), raw, tmp_path / "new")
    assert not list((tmp_path / "new").glob("own/clean-*"))
    # To encode with one that has not been read yet, but neither to clean nor to read.
    assert build(recipe_of(), raw, tmp_path / "new", stages=("clean",)).status == "built"
    ds = TextDataset(artifact)
    assert (len(ds), len(ds.vocab)) == (40, 200)
    preprocessor = Preprocessor.load(artifact)
    _tokenizer.cache_clear()
    with pytest.raises(MissingLibraryError, match=match):
        preprocessor(["a text"])


def test_fit_does_not_learn_another_vocabulary() -> None:
    with pytest.raises(ValueError, match="not for the train rows to say"):
        fit_preprocessor(recipe_of(), iter([]))


# Recipes


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ('text.tokenizer = "whitespace"', "stands for text.tokenizer, which must go"),
        # what is the default too
        ('text.tokenizer = "basic_english"', "stands for text.tokenizer, which must go"),
        ("vocabulary.min_freq = 2", "stands for vocabulary, which must go"),
        ('vocabulary.from = "other"', "stands for vocabulary, which must go"),
        (
            'text.tokenizer = "whitespace"\nvocabulary.max_tokens = 9',
            "text.tokenizer_file: stands for text.tokenizer and vocabulary, which must go",
        ),
        ("text.tokenizer_file.rows = 3", "text.tokenizer_file: must be one file, without"),
        ("text.tokenizer_file.special = true", "unknown key, did you mean special_tokens?"),
        ('text.tokenizer_file.checksum = "x"', "text.tokenizer_file.checksum: "),
    ],
)
def test_faults_of_the_recipe(more: str, found: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_of(more)
    assert found in caught.value.found


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("tok/*.json", "must be one file, without * or ?"),
        ("../tokenizer.json", "below the raw folder"),
    ],
)
def test_faults_of_the_path(path: str, found: str) -> None:
    with pytest.raises(RecipeError, match=r"text\.tokenizer_file") as caught:
        recipe_of(path=path)
    assert found in caught.value.found


def test_a_text_that_cannot_be_encoded() -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 0}, unk_token="b"))
    texts = pa.array(["a", "c"])
    with pytest.raises(TokenizerFileError, match=r"expected one that encodes every text, found"):
        encode_texts(tokenizer.to_str(), texts, special_tokens=False)


def test_a_panic_of_the_library_is_an_error_of_the_file() -> None:
    # Its class is no Exception.
    content = json.loads(Tokenizer(models.BPE()).to_str())
    content["model"] |= {"continuing_subword_prefix": "int8", "merges": [["a", "b"]]}
    content["model"]["vocab"] = {"a": 0, "b": 1, "ab": 2}
    with pytest.raises(TokenizerFileError, match="found its error: "):
        check_tokenizer(json.dumps(content), where="tokenizer.json")
