"""A build notes words of texts that are spelt like special tokens."""

from pathlib import Path

import pytest
from lenders import borrower, build, lender, write_rows

from shardmill.datasets.text import TextDataset


@pytest.mark.parametrize(
    ("more", "texts", "note"),
    [
        # as torchtext gives them their ids
        ('text.tokenizer = "whitespace"', ["a <pad> <unk>", "<pad>"], "<pad> (2), <unk> (1)"),
        ('text.tokenizer = "whitespace"', ["<pad>. <PAD>x", "unk"], ""),
        ('text.tokenizer = "whitespace"', ["a <PAD>"], "<pad> (1)"),
        (
            'text.tokenizer = "whitespace"\nvocabulary.specials = ["<unk>", "<pad>", "b"]',
            ["b"],
            "b (1)",
        ),
        ('text.tokenizer = "characters"', ["a <pad>"], ""),
        ('text.tokenizer = "bpe"\nvocabulary.max_tokens = 9', ["a <pad>"], ""),
    ],
)
def test_notes(tmp_path: Path, more: str, texts: list[str], note: str) -> None:
    write_rows(tmp_path / "raw", "words", texts)
    (outcome,) = build(tmp_path / "raw", tmp_path, lender(more))
    found = "texts of train have words that get the ids of special tokens: "
    assert [each[: len(found + note)] for each in outcome.notes] == [found + note] * bool(note)


def test_the_special_tokens_are_those_of_the_lender(tmp_path: Path) -> None:
    write_rows(tmp_path / "raw", "words", ["a b"])
    write_rows(tmp_path / "raw", "fresh", ["a <x> <unk>", "<x> <y> b"])
    special = 'vocabulary = { specials = ["<x>", "<y>"], unknown = "<x>", padding = "<y>" }'
    outcomes = build(tmp_path / "raw", tmp_path, lender(special), borrower())
    found = "texts of train have words that get the ids of special tokens: "
    assert outcomes[0].notes == ()
    assert outcomes[1].notes[0] == f"{found}<x> (2), <y> (1)"
    assert [x.tolist() for x, _ in TextDataset(tmp_path / "fresh")] == [[2, 0, 0], [0, 1, 3]]
