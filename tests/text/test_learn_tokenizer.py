"""Tokenizers that are learnt from the train split, and the artifacts that hold them."""

import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import small_parts
from hypothesis import given, settings, strategies as st
from small_parts import SMALL, build, contents, csv_rows
from tokenizers import Tokenizer

from shardmill import Padded, Preprocessor, TextDataset
from shardmill.errors import MissingLibraryError
from shardmill.kinds import text
from shardmill.kinds.train_rows import NoRows, TrainRows
from shardmill.recipe import text_rules
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.recipe.text_recipe import TextRecipe
from shardmill.text import learn_tokenizer as learning
from shardmill.text.learn_tokenizer import learn_tokenizer

RECIPE = small_parts.RECIPE.replace("max_tokens = 500", "max_tokens = MAX").replace(
    'clean = ["lowercase"]', 'clean = ["html", "lowercase"]\ntokenizer = "TOKENIZER"'
)


def text_of(max_tokens: int, tokenizer: str) -> str:
    return RECIPE.replace("MAX", str(max_tokens)).replace("TOKENIZER", tokenizer)


def recipe_of(max_tokens: int = 100, tokenizer: str = "bpe") -> TextRecipe:
    recipe = parse_recipe(text_of(max_tokens, tokenizer), where="toy.toml")
    assert isinstance(recipe, TextRecipe)
    return recipe


def learnt(words: dict[str, int], max_tokens: int = 100, tokenizer: str = "bpe") -> Tokenizer:
    counts = pa.table(
        {"token": pa.array(words, pa.string()), "count": pa.array(words.values(), pa.int64())}
    )
    return Tokenizer.from_str(learn_tokenizer(recipe_of(max_tokens, tokenizer), counts))


def tokens(tokenizer: Tokenizer) -> list[str]:
    return sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().__getitem__)


# What is learnt


def test_frequent_pieces_become_tokens() -> None:
    # specials, characters by code point, then pieces from the most frequent pair on
    tokenizer = learnt({"low": 5, "lower": 2, "new.": 3}, max_tokens=14)
    characters = [".", "e", "l", "n", "o", "r", "w", "▁"]
    assert tokens(tokenizer) == ["<unk>", "<pad>", *characters, "lo", "▁lo", "▁low", "ew"]
    assert tokenizer.encode("LOW new newer.").tokens == [
        *("▁low", "▁", "n", "ew", "▁", "n", "ew", "e", "r", ".")
    ]
    assert tokenizer.decode(tokenizer.encode("low  newer, x").ids) == "low newer<unk> <unk>"


def test_only_the_most_frequent_characters_are_tokens_if_there_are_too_many() -> None:
    # ▁ is before each word; of two that are as frequent, the one with the lower code point stays
    tokenizer = learnt({"天天": 3, "气": 2, "地": 2, "人": 1}, max_tokens=5)
    assert tokens(tokenizer) == ["<unk>", "<pad>", "▁", "地", "天"]
    assert tokenizer.encode("天气").tokens == ["▁", "天", "<unk>"]


def test_likely_pieces_become_tokens_of_a_unigram_model() -> None:
    tokenizer = learnt({"low": 5, "lower": 2, "new.": 3}, max_tokens=14, tokenizer="unigram")
    assert tokens(tokenizer) == ["<unk>", "<pad>", "▁low", "e", "▁", *".nwlor"]
    assert tokenizer.encode("LOW new, newer").tokens == [
        *("▁low", "▁", "n", "e", "w", ",", "▁", "n", "e", "w", "e", "r")
    ]
    # the mark before words, and the most frequent characters
    words = {"天天": 3, "气": 2, "地": 2, "人": 1}
    assert tokens(learnt(words, 5, "unigram")) == ["<unk>", "<pad>", "天", "▁", "地"]
    assert tokens(learnt({"a": 1}, 3, "unigram")) == ["<unk>", "<pad>"]


@pytest.mark.parametrize(("tokenizer", "unknown"), [("bpe", ["<unk>"] * 2), ("unigram", ["▁a"])])
def test_nothing_to_learn_from(tokenizer: str, unknown: list[str]) -> None:
    nothing = learnt({}, tokenizer=tokenizer)
    assert tokens(nothing) == ["<unk>", "<pad>"]
    assert nothing.encode("a").tokens == unknown
    assert set(nothing.encode("a").ids) == {0}


def test_too_many_words_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "_MOST_CHARACTERS", 300)
    monkeypatch.setattr(learning, "_TEXT_CHARACTERS", 7)
    # 600 characters, so each count is halved, and z goes
    kept = ["a", "b", "▁", "ab", "▁ab"]
    assert tokens(learnt({"ab": 299, "z": 1, "y": 1})) == ["<unk>", "<pad>", *kept]


words = st.dictionaries(st.text("ab.天é", min_size=1, max_size=6), st.integers(1, 9), max_size=9)


@settings(max_examples=60, deadline=None)
@given(
    words,
    st.randoms(use_true_random=False),
    st.integers(3, 40),
    st.sampled_from(["bpe", "unigram"]),
)
def test_the_order_of_words_does_not_matter(
    words: dict[str, int], draw: random.Random, max_tokens: int, tokenizer: str
) -> None:
    shuffled = list(words.items())
    draw.shuffle(shuffled)
    first = learnt(words, max_tokens, tokenizer)
    assert first.to_str() == learnt(dict(shuffled), max_tokens, tokenizer).to_str()
    assert first.get_vocab_size() <= max_tokens
    # words of characters that are tokens come back
    known = [word for word in words if set(word) <= set(tokens(first)) and "▁" in tokens(first)]
    assert first.decode(first.encode(" ".join(known)).ids) == " ".join(known)


def test_no_more_rows_than_the_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_LEARN_BYTES", 4)
    monkeypatch.setattr(text, "learn_tokenizer", lambda _, counts: str(counts.to_pydict()))
    monkeypatch.setattr(
        text, "read_tokenizer", lambda content, where: pytest.fail(content.decode())
    )
    rows = [pa.table({"text": [row]}) for row in ("ab ab cd", "cd ab", "ef gh", "ij", "kl")]
    tokens = (text.prepare(recipe_of(), row).tokens for row in rows)
    found = "{'token': \\['ab', 'cd', 'ef', 'gh'\\], 'count': \\[3, 2, 1, 1\\]}"
    with pytest.raises(pytest.fail.Exception, match=found):
        text.fit(recipe_of(), TrainRows(None, (t for t in tokens if t is not None), NoRows()))
    assert next(tokens) is not None  # the last two were not looked at


# Artifacts


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    odd = ['1,"",""\n', '2,"<unk> &lt;pad&gt; İ","x\x1fy \x85▁"\n', '1,"ΣΑΣ<br>","天气很好。"\n']
    (folder / "train.csv").write_text("".join(csv_rows(3_000) + odd), encoding="utf-8")
    return folder


TEXTS = ["", "WORD12 it's Straße. \U0001f600", "<unk> <pad>", "İ ΣΑΣ x\x1fy 天气▁"]


@pytest.mark.parametrize("tokenizer", ["bpe", "unigram"])
def test_ids_are_the_librarys(raw: Path, tmp_path: Path, tokenizer: str) -> None:
    artifact = build(text_of(200, tokenizer), raw, tmp_path).artifact
    ds = TextDataset(artifact)
    record = ds.manifest.vocabulary
    assert record is not None
    assert (record.vocab, record.tokens, len(ds.vocab)) == (None, 200, 200)
    assert (record.unknown, record.padding, record.padding_id) == ("<unk>", "<pad>", 1)
    theirs = Tokenizer.from_file(str(artifact / record.tokenizer.path))
    assert ds.vocab.get_stoi() == theirs.get_vocab()

    # of raw texts, since the file states how they are cleaned
    expected = [encoding.ids for encoding in theirs.encode_batch(TEXTS)]
    assert not {0, 1} & set(expected[2])
    Preprocessor.load(artifact).save(tmp_path)
    for folder in (artifact, tmp_path):
        x = Preprocessor.load(folder)(TEXTS)
        assert isinstance(x, Padded)
        found = [row[:n].tolist() for row, n in zip(x.ids, x.lengths.tolist(), strict=True)]
        assert found == expected
    # nothing is cleaned twice
    rows = {
        tuple(x.tolist())
        for name in ("train", "validation")
        for x, _ in TextDataset(artifact, name)
    }
    odd = theirs.encode("<UNK> <pad> İ x\x1fy \x85▁").ids
    assert tuple(odd) in rows


@pytest.mark.parametrize("tokenizer", ["bpe", "unigram"])
def test_bytes_do_not_depend_on_workers_parts_or_threads(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokenizer: str
) -> None:
    recipe = text_of(500, tokenizer)
    build(recipe, raw, tmp_path / "one", workers=1, sizes=SMALL)
    build(recipe, raw, tmp_path / "two", workers=2, sizes=SMALL)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    build(recipe, raw, tmp_path / "one", stages=("shard",), force=True)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    build(recipe, raw, tmp_path / "whole")
    (raw / "toy.toml").write_text(recipe)
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    command = [sys.executable, "-m", "shardmill", "preprocess", str(raw / "toy.toml")]
    command += ["--raw", str(raw), "--out", str(tmp_path / "other")]
    subprocess.run(command, check=True)
    assert contents(tmp_path / "whole") == contents(tmp_path / "other")


def test_another_version_of_the_library(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = text_of(100, "bpe")
    build(recipe, raw, tmp_path)
    assert build(recipe, raw, tmp_path).status == "up to date"
    monkeypatch.setattr(text_rules, "version", lambda _: "999")
    others = "built by another version of shardmill, of Arrow, of time zones or of tokenizers"
    assert build(recipe, raw, tmp_path).reasons == {"shard": others}


def test_without_the_library(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    match = (
        r"^text\.tokenizer: expected the library tokenizers, found none; "
        r"pip install 'shardmill\[tokenizers\]'$"
    )
    with pytest.raises(MissingLibraryError, match=match):
        build(text_of(100, "bpe"), raw, tmp_path)
    assert not list(tmp_path.glob("toy/clean-*"))
