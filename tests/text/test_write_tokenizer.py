"""Hugging Face `tokenizers` reads our tokenizer.json and gives the same ids."""

import unicodedata
from functools import cache
from pathlib import Path

import pytest
from building import build
from hypothesis import example, given, strategies as st
from oracles import PerRowAgNews
from text_strategies import (
    CODE_POINTS,
    TOKENIZERS,
    clean_row,
    html_texts,
    laws,
    texts,
    tokenize_row,
)
from tokenizers import Tokenizer

from shardmill import AGNewsDataset, Preprocessor, TextDataset
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.load_recipe import load_recipe, parse_recipe
from shardmill.recipe.text_recipe import TextRecipe
from shardmill.text.vocab import Vocab
from shardmill.text.write_tokenizer import tokenizer_json


def tokenizer_of(artifact: Path) -> Tokenizer:
    return Tokenizer.from_file(str(next(artifact.glob("shards-*/tokenizer.json"))))


def check_ids(artifact: Path, raw: Path) -> int:
    """Compare the ids of every row of both files."""
    tokenizer = tokenizer_of(artifact)
    rows = 0
    for split in ("train", "test"):
        ds = AGNewsDataset(artifact, split)
        texts = [
            f"{title} {body}" for _, title, body in PerRowAgNews._read(raw / f"ag_news/{split}.csv")
        ]
        encoded = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
        assert encoded == [ids.tolist() for ids, _ in ds]
        rows += len(texts)
    return rows


def test_sample_rows(sample_artifacts: Path, sample_raw: Path) -> None:
    assert check_ids(sample_artifacts / "ag_news", sample_raw) == 5_000


def test_real_rows(real_raw: Path, tmp_path: Path) -> None:
    artifact = build(load_recipe("ag_news"), real_raw, tmp_path)
    assert check_ids(artifact, real_raw) == 17_598


def recipe_of(tokenizer: str, clean: tuple[str, ...] = ()) -> AnyRecipe:
    return parse_recipe(
        f"""
        name = "hard"
        kind = "text"
        csv.header = false
        text.columns = ["y", "a", "b"]
        text.join = ["a", "b"]
        text.clean = {list(clean)}
        text.tokenizer = "{tokenizer}"
        target = {{ column = "y", classes = ["only"], first = 0 }}
        splits.train.csv.path = "texts.csv"
        """,
        where="test",
    )


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_texts_that_are_hard_to_cut(tmp_path: Path, tokenizer: str) -> None:
    (tmp_path / "texts.csv").write_text('0,"It\'s (a) ""<pad>"" day; <br /> yes: no!? Ä.",\n')
    recipe = recipe_of(tokenizer)
    artifact = build(recipe, tmp_path, tmp_path)
    theirs = tokenizer_of(artifact)
    ours = Preprocessor.load(artifact)
    for text in ['It\'s (a) "<pad>" day; <br /> yes: no!? Ä.', "", "  a\tb\n", "unseen <unk> ä"]:
        assert theirs.encode(text).ids == ours([text]).ids[0].tolist(), text  # type: ignore[union-attr]
    assert len(TextDataset(artifact).vocab) == theirs.get_vocab_size()


@cache
def normalising(tokenizer: str, clean: tuple[str, ...]) -> Tokenizer:
    recipe = recipe_of(tokenizer, clean)
    assert isinstance(recipe, TextRecipe)
    return Tokenizer.from_str(
        tokenizer_json(recipe, Vocab(["<unk>", "<pad>"]), unknown="<unk>").decode()
    )


def tokens_of(text: str, tokenizer: str, clean: tuple[str, ...]) -> list[str]:
    theirs = normalising(tokenizer, clean)
    normal = theirs.normalizer.normalize_str(text)
    return [token for token, _ in theirs.pre_tokenizer.pre_tokenize_str(normal)]


CLEAN = [
    (),
    ("lowercase",),
    ("alphanumeric", "lowercase"),
    ("lowercase", "alphanumeric"),
    ("nfc",),
    ("words", "lowercase"),
    ("lowercase", "nfc", "words"),
    ("newlines", "lowercase"),
]
# Not those of a later Unicode than Python's, which may have small letters in that of tokenizers.
ASSIGNED = [c for c in CODE_POINTS if unicodedata.category(c) not in ("Cn", "Co")]


@laws
@given(texts, st.sampled_from(TOKENIZERS), st.sampled_from(CLEAN))
@example("ΩΣ ΩΣ.Ω ΩΣ'\u0307 Σ ΣΣʰ ʰΣ İΣ", "whitespace", ("lowercase",))
@example("<br\x1f/><br />", "basic_english", ())
def test_tokens_of_any_text(text: str, tokenizer: str, clean: tuple[str, ...]) -> None:
    if "alphanumeric" not in clean:
        # Those that are not assigned may be letters, marks or small letters in a newer Unicode.
        text = "".join(c for c in text if unicodedata.category(c) != "Cn")
    expected = tokenize_row(clean_row(text, clean), tokenizer)
    assert tokens_of(text, tokenizer, clean) == expected


@laws
@given(html_texts, st.sampled_from(TOKENIZERS))
def test_tokens_of_text_after_the_html_step(text: str, tokenizer: str) -> None:
    clean = ("lowercase", "html", "alphanumeric", "lowercase")
    expected = tokenize_row(clean_row(text, clean), tokenizer)
    assert tokens_of(clean_row(text, clean[:2]), tokenizer, clean) == expected


# alone; after and before what is cased; and where it decides whether a sigma is the last
@pytest.mark.parametrize("context", ["{} ", "a{}b ", "Ω{}Σ ", "ΩΣ{}Ω ", "ΩΣ{} "])
@pytest.mark.parametrize(
    "clean", [("lowercase",), ("alphanumeric", "lowercase"), ("words", "lowercase")]
)
def test_tokens_of_every_code_point(context: str, clean: tuple[str, ...]) -> None:
    text = "".join(context.format(c) for c in ASSIGNED)
    assert tokens_of(text, "whitespace", clean) == clean_row(text, clean).split()


@pytest.mark.parametrize("clean", [("lowercase",), ("alphanumeric", "lowercase")])
def test_tokens_of_code_points_that_python_does_not_know(clean: tuple[str, ...]) -> None:
    unknown = [c for c in CODE_POINTS if unicodedata.category(c) in ("Cn", "Co")]
    theirs = normalising("whitespace", clean).normalizer.normalize_str("\n".join(unknown))
    if "alphanumeric" in clean:
        assert theirs.isspace()
    else:
        # only small letters that they got later
        different = [c for c, small in zip(unknown, theirs.split("\n"), strict=True) if c != small]
        assert len(different) < 200
