"""Hugging Face `tokenizers` reads our tokenizer.json and gives the same ids."""

from pathlib import Path

import pytest
from conftest import build
from oracles import PerRowAgNews
from tokenizers import Tokenizer

from shardmill import AGNewsDataset, Preprocessor, TextDataset
from shardmill.load_recipe import load_recipe, parse_recipe


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


@pytest.mark.parametrize("tokenizer", ["basic_english", "whitespace"])
def test_texts_that_are_hard_to_cut(tmp_path: Path, tokenizer: str) -> None:
    (tmp_path / "texts.csv").write_text('0,"It\'s (a) ""<pad>"" day; <br /> yes: no!? Ä.",\n')
    recipe = parse_recipe(
        f"""
        name = "hard"
        kind = "text"
        csv.header = false
        text = {{ columns = ["y", "a", "b"], join = ["a", "b"], tokenizer = "{tokenizer}" }}
        target = {{ column = "y", classes = ["only"], first = 0 }}
        splits.train.csv.path = "texts.csv"
        """,
        where="test",
    )
    artifact = build(recipe, tmp_path, tmp_path)
    theirs = tokenizer_of(artifact)
    ours = Preprocessor.load(artifact)
    for text in ['It\'s (a) "<pad>" day; <br /> yes: no!? Ä.', "", "  a\tb\n", "unseen <unk> ä"]:
        assert theirs.encode(text).ids == ours([text]).ids[0].tolist(), text  # type: ignore[union-attr]
    assert len(TextDataset(artifact).vocab) == theirs.get_vocab_size()
