"""Texts: cleaning, codes, and the vocabulary."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from cells import string_table
from expected_vocab import first_seen_vocab, torchtext_vocab
from fit_rows import fit_rows
from hypothesis import given, settings, strategies as st

from shardmill.format.layout import Field
from shardmill.format.ragged import Ragged
from shardmill.kinds import text
from shardmill.kinds.row import Fitted
from shardmill.kinds.train_rows import Prepared
from shardmill.recipe.splits import CsvFile, Split
from shardmill.recipe.targets import ColumnTarget
from shardmill.recipe.text_recipe import Text, TextRecipe
from shardmill.recipe.text_rules import Vocabulary
from shardmill.text import merge_counts
from shardmill.text.tokenize_text import tokenize_rows

# Text


def text_recipe(
    vocabulary: Vocabulary | None = None, target: ColumnTarget | None = None, **facts: Any
) -> TextRecipe:
    return TextRecipe(
        name="t",
        kind="text",
        text=Text(**{"columns": ("label", "a", "b"), "join": ("a", "b"), **facts}),
        vocabulary=vocabulary or Vocabulary(),
        target=target,
        splits={"train": Split(csv=CsvFile(path="train.csv"))},
    )


@pytest.mark.parametrize(
    ("facts", "texts"),
    [
        # one space between, whatever the cells hold
        ({}, ["It's a", " É_b", "Two "]),
        ({"join": ("b", "a")}, ["a It's", "É_b ", " Two"]),
        ({"join": ("a",)}, ["It's", "", "Two"]),
        ({"clean": ("lowercase",)}, ["it's a", " é_b", "two "]),
        ({"clean": ("alphanumeric", "lowercase")}, ["it s a", " é b", "two "]),
    ],
)
def test_text_columns_are_joined_and_cleaned(facts: dict[str, Any], texts: list[str]) -> None:
    raw = string_table(label=["1", "2", "1"], a=["It's", "", "Two"], b=["a", "É_b", ""])
    assert text.clean(text_recipe(**facts), raw, labelled=True).table.to_pydict() == {"text": texts}
    target = ColumnTarget(column="label", classes=("World", "Sports"), first=1)
    recipe = text_recipe(target=target, **facts)
    table = text.clean(recipe, raw, labelled=True).table
    assert table.to_pydict() == {"text": texts, "label": [0, 1, 0]}
    assert text.clean(recipe, raw, labelled=False).table.column_names == ["text"]


def test_label_of_a_text_outside_the_classes() -> None:
    recipe = text_recipe(target=ColumnTarget(column="label", classes=("x", "y")))
    raw = string_table(label=["x", "z"], a=["", ""], b=["", ""])
    cleaned = text.clean(recipe, raw, labelled=True)
    assert len(cleaned.table) == len(raw) - 1
    assert [(fault.row, fault.column) for fault in cleaned.faults] == [(1, "label")]


def texts_table(*texts: str) -> pa.Table:
    return string_table(text=texts)


def encode_texts(recipe: TextRecipe, train: Sequence[str], test: Sequence[str]) -> Ragged:
    fitted = fit_rows(recipe, [texts_table(*train)])
    assert fitted.inputs == (Field.input("int32", ragged=True),)
    prepared = text.prepare(recipe, texts_table(*test))
    ragged = text.encode_prepared(recipe, fitted, prepared.rows, ids_of(fitted, prepared))["x"]
    assert ragged.values.dtype == ragged.sizes.dtype == np.dtype(np.int32)
    return ragged


def ids_of(fitted: Fitted, prepared: Prepared[None]) -> npt.NDArray[np.int32]:
    assert prepared.tokens is not None
    assert fitted.vocab is not None
    return np.array(fitted.vocab(prepared.tokens.column("token").to_pylist()), np.int32)


def test_unknown_tokens_get_the_default_index() -> None:
    train = ["the cat", "The, the"]  # <unk> <pad> the , cat
    ragged = encode_texts(text_recipe(), train, ["cat dog the", "", "Zebra,"])
    assert ragged.values.tolist() == [4, 0, 2, 0, 3]
    assert ragged.sizes.tolist() == [3, 0, 2]
    specials = Vocabulary(specials=("<pad>", "[U]"), unknown="[U]")
    ragged = encode_texts(text_recipe(specials), train, ["cat dog", "<pad>"])
    assert ragged.values.tolist() == [4, 1, 0]


def test_texts_without_a_token() -> None:
    ragged = encode_texts(text_recipe(), ["a"], ["", " \t"])
    assert ragged.values.tolist() == []
    assert ragged.sizes.tolist() == [0, 0]


def test_draft_of_rows() -> None:
    cleaned = texts_table("to be, or", "", "not to be").append_column("label", pa.array([0, 1, 0]))
    prepared = text.prepare(text_recipe(), cleaned)
    assert prepared.rows.to_pydict() == {
        "text": [[0, 1, 2, 3], [], [4, 0, 1]],
        "label": [0, 1, 0],
    }
    assert prepared.tokens is not None
    assert prepared.tokens.to_pydict() == {
        "token": ["to", "be", ",", "or", "not"],
        "count": [2, 2, 1, 1, 1],
    }


def test_rows_of_slices_are_finished() -> None:
    recipe = text_recipe()
    prepared = text.prepare(recipe, texts_table("a b", "", "c", "b b a"))
    fitted = fit_rows(recipe, [texts_table("a a b")])  # a 2, b 3
    ids = ids_of(fitted, prepared)
    ragged = text.encode_prepared(recipe, fitted, prepared.rows.slice(1, 3), ids)["x"]
    assert ragged.values.tolist() == [0, 3, 3, 2]
    assert ragged.sizes.tolist() == [0, 1, 3]


words = st.sampled_from(["a", "B", "b", "é", "<pad>", "É.", "a&amp;b", "<i>c</i>"])


rows_of_words = st.lists(st.lists(words, max_size=6).map(" ".join), min_size=1, max_size=12)


vocabularies = st.builds(
    Vocabulary,
    min_freq=st.integers(1, 3),
    max_tokens=st.none() | st.integers(3, 8),
    order=st.sampled_from(["frequency", "first_seen"]),
)


steps = st.sampled_from([(), ("html",), ("lowercase",), ("html", "alphanumeric", "lowercase")])


@settings(max_examples=150, deadline=None)
@given(
    rows_of_words,
    st.lists(st.integers(0, 12)),
    vocabularies,
    steps,
    st.sampled_from(["basic_english", "whitespace", "characters"]),
    st.sampled_from([1, 4, 1_000_000]),
)
def test_any_chunks_give_the_same_vocabulary_and_ids(
    rows: list[str],
    borders: list[int],
    vocabulary: Vocabulary,
    clean: Any,
    tokenizer: Any,
    merge_tokens: int,
) -> None:
    recipe = text_recipe(vocabulary, clean=clean, tokenizer=tokenizer, join=("a",))
    raw = string_table(label=[""] * len(rows), a=rows, b=[""] * len(rows))
    cleaned = text.clean(recipe, raw, labelled=False).table
    tokens = tokenize_rows(cleaned.column("text").to_pylist(), tokenizer)

    ends = [*sorted(min(border, len(rows)) for border in borders), len(rows)]
    chunks = [cleaned.slice(i, j - i) for i, j in zip([0, *ends], ends, strict=False)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge_counts, "_WAITING", merge_tokens)
        fitted = fit_rows(recipe, chunks)

    expected = {"frequency": torchtext_vocab, "first_seen": first_seen_vocab}[vocabulary.order](
        tokens, vocabulary.min_freq, vocabulary.specials, vocabulary.max_tokens
    )
    assert fitted.vocab is not None
    assert fitted.vocab.get_itos() == expected
    assert (fitted.unknown, fitted.padding, fitted.padding_id()) == ("<unk>", "<pad>", 1)

    parts = [
        text.encode_prepared(recipe, fitted, prepared.rows, ids_of(fitted, prepared))["x"]
        for prepared in (text.prepare(recipe, chunk) for chunk in chunks)
    ]
    number = {token: at for at, token in enumerate(expected)}
    ids = [number.get(token, 0) for row in tokens for token in row]
    assert np.concatenate([part.values for part in parts]).tolist() == ids
    assert np.concatenate([part.sizes for part in parts]).tolist() == [len(row) for row in tokens]
