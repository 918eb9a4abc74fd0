"""One object builds the shards and serves predictions: raw rows in, tensors out."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from preprocessors import (
    IMAGE,
    LEAVES,
    NOTES,
    PIXELS,
    TABULAR,
    TEXT,
    TREE_ROWS,
    TREE_TENSOR,
    TREES,
    fit,
    own_tokenizer,
    same,
)

from shardmill.errors import (
    InputError,
    UnknownCategoryError,
    ValueFormatError,
)
from shardmill.format.batch import Padded
from shardmill.format.layout import Field
from shardmill.format.ragged import Ragged
from shardmill.kinds.find_kind import find_kind
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.serve.preprocessor import Preprocessor
from shardmill.text.vocab import Vocab


@pytest.fixture(scope="module")
def trees() -> Preprocessor:
    return fit(TABULAR, TREES)[0]


@pytest.fixture(scope="module")
def leaves() -> Preprocessor:
    return fit(IMAGE, LEAVES)[0]


@pytest.fixture(scope="module")
def notes() -> Preprocessor:
    return fit(TEXT, NOTES)[0]  # <unk> <pad> tea hot is the


def same_text(found: object, ids: list[list[int]], lengths: list[int]) -> None:
    assert isinstance(found, Padded)
    assert found.ids.dtype == torch.int32
    assert found.lengths.dtype == torch.int64
    assert (found.ids.tolist(), found.lengths.tolist()) == (ids, lengths)


# Building


def test_label_column() -> None:
    recipes = (TABULAR, IMAGE, TEXT)
    columns = [find_kind(recipe).label_column(recipe) for recipe in recipes]
    assert columns == ["old", "label", "label"]
    for recipe in (TABULAR, IMAGE, TEXT):
        without = recipe.model_copy(update={"target": None})
        assert find_kind(without).label_column(without) is None


@pytest.mark.parametrize(
    ("recipe", "raw", "x", "y"),
    [
        (TABULAR, TREES, Field.input("float32", (3,)), Field.target("class", "uint8")),
        (IMAGE, LEAVES, Field.input("uint8", (1, 2, 4)), Field.target("class", "int64")),
        (TEXT, NOTES, Field.input("int32", ragged=True), Field.target("class", "int64")),
    ],
)
def test_fields(recipe: AnyRecipe, raw: pa.Table, x: Field, y: Field) -> None:
    preprocessor, table = fit(recipe, raw)
    assert preprocessor.fields(labelled=True) == (x, y)
    assert preprocessor.fields(labelled=False) == (x,)
    assert list(preprocessor.encode(table, labelled=True)) == ["x", "y"]
    assert list(preprocessor.encode(table, labelled=False)) == ["x"]
    facts: dict[str, Any] = {"target": None}
    if isinstance(recipe, TabularRecipe):
        facts["columns"] = {n: c for n, c in recipe.columns.items() if n != "old"}
    untargeted = Preprocessor(recipe.model_copy(update=facts), preprocessor.fitted)
    assert untargeted.fields(labelled=True) == (x,)
    assert list(untargeted.encode(table, labelled=True)) == ["x"]


def test_encode_tabular() -> None:
    preprocessor, table = fit(TABULAR, TREES)
    encoded = preprocessor.encode(table, labelled=True)
    x, y = encoded["x"], encoded["y"]
    assert isinstance(x, np.ndarray)
    assert isinstance(y, np.ndarray)
    # the median of 30 and 2 fills the third height: the dropped row's 4 does not count
    expected = np.array([[90, 30, 0], [np.nan, 2, 1], [5, 16, 1]], np.float32)
    np.testing.assert_array_equal(x, expected)
    assert (y.dtype, y.tolist()) == (np.dtype(np.uint8), [1, 0, 0])


def test_encode_image() -> None:
    preprocessor, table = fit(IMAGE, LEAVES)
    encoded = preprocessor.encode(table, labelled=True)
    x, y = encoded["x"], encoded["y"]
    assert isinstance(x, np.ndarray)
    assert isinstance(y, np.ndarray)
    np.testing.assert_array_equal(x, PIXELS[:, None])
    assert (x.dtype, y.dtype, y.tolist()) == (np.dtype(np.uint8), np.dtype(np.int64), [1, 0, 1])


def test_encode_text() -> None:
    preprocessor, table = fit(TEXT, NOTES)
    encoded = preprocessor.encode(table, labelled=True)
    x, y = encoded["x"], encoded["y"]
    assert isinstance(x, Ragged)
    assert isinstance(y, np.ndarray)
    assert preprocessor.fitted.vocab is not None
    assert preprocessor.fitted.vocab.get_itos() == ["<unk>", "<pad>", "tea", "hot", "is", "the"]
    assert (x.values.tolist(), x.sizes.tolist()) == ([2, 5, 2, 4, 3], [1, 4])
    assert y.tolist() == [0, 1]


def test_list_of_dicts(trees: Preprocessor) -> None:
    same(trees(TREE_ROWS), TREE_TENSOR)
    same(trees(tuple(TREE_ROWS)), TREE_TENSOR)
    same(trees(TREE_ROWS[:1]), TREE_TENSOR[:1])


def test_columns_that_are_no_features_are_ignored(trees: Preprocessor) -> None:
    more = [{"old": "maybe", "extra": object(), **row, "id": "x"} for row in TREE_ROWS]
    same(trees(more), TREE_TENSOR)


def test_data_frame(trees: Preprocessor) -> None:
    frame = pd.DataFrame(
        {
            "kind": ["oak", "fir", "fir"],  # in another order than the recipe's
            "height": [30.5, None, 4],
            "rings": [90, 1, 2],
        },
        index=[7, 7, 9],
    )
    expected = [[90, 30.5, 0], [1, 16, 1], [2, 4, 1]]
    same(trees(frame), expected)
    # pandas makes floats of integers where one is missing, and has dtypes of its own
    same(
        trees(frame.assign(rings=[90.0, math.nan, 2.0])),
        [expected[0], [math.nan, 16, 1], expected[2]],
    )
    same(trees(frame.assign(kind=frame["kind"].astype("category"))), expected)
    same(trees(frame.astype({"rings": "Int64", "kind": "object"})), expected)
    same(trees(frame[1:]), expected[1:])


def test_no_rows(trees: Preprocessor) -> None:
    found = trees(pd.DataFrame({"rings": [], "height": [], "kind": []}))
    assert isinstance(found, torch.Tensor)
    assert (found.shape, found.dtype) == ((0, 3), torch.float32)


def test_arrow_table(trees: Preprocessor) -> None:
    columns = {"rings": [90, None], "height": [30.5, None], "kind": ["oak", "fir"]}
    expected = [[90, 30.5, 0], [math.nan, 16, 1]]
    table = pa.table(columns)
    same(trees(table), expected)
    same(trees(table.slice(1)), expected[1:])
    same(trees(pa.concat_tables([table, table])), expected * 2)
    same(trees(TREES.slice(0, 3)), [[90, 30, 0], [math.nan, 2, 1], [5, 16, 1]])


def test_serving_equals_building(trees: Preprocessor) -> None:
    cleaned = find_kind(TABULAR).clean(TABULAR, TREES, labelled=True).table
    built = trees.encode(cleaned, labelled=True)["x"]
    assert isinstance(built, np.ndarray)
    same(trees(TREES.slice(0, 3)), built.tolist())
    same(trees(TREES.slice(0, 3).to_pylist()), built.tolist())
    same(trees(TREES.slice(0, 3).to_pandas()), built.tolist())


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        (
            {"kind": "elm"},
            UnknownCategoryError,
            "column kind: expected one of oak, fir, found 'elm'",
        ),
        ({"height": "tall"}, ValueFormatError, "column height: expected a finite float64, found"),
        ({"height": math.inf}, ValueFormatError, "column height: expected a finite float64, found"),
        ({"rings": 1.5}, ValueFormatError, "column rings: expected a finite int64, found '1.5'"),
        # a row that building would have dropped
        ({"kind": None}, InputError, "expected a row that the recipe keeps, found kind is missing"),
    ],
)
def test_rows_that_are_refused(
    trees: Preprocessor, row: dict[str, Any], error: type[InputError], message: str
) -> None:
    rows = [*TREE_ROWS[:2], {**TREE_ROWS[0], **row}]
    with pytest.raises(error, match=f"^row 2(, |: ){message}"):
        trees(rows)
    with pytest.raises(error, match=f"^row 0(, |: ){message}"):
        trees(pd.DataFrame(rows[2:]))


def test_images(leaves: Preprocessor) -> None:
    same(leaves(PIXELS), PIXELS[:, None].tolist(), torch.uint8)
    same(leaves(PIXELS[::-1]), PIXELS[::-1, None].tolist(), torch.uint8)
    same(leaves(PIXELS[:, None]), PIXELS[:, None].tolist(), torch.uint8)


def test_no_images(leaves: Preprocessor) -> None:
    found = leaves(PIXELS[:0])
    assert isinstance(found, torch.Tensor)
    assert (found.shape, found.dtype) == ((0, 1, 2, 4), torch.uint8)


def test_what_is_returned_is_a_copy(leaves: Preprocessor) -> None:
    pixels = PIXELS.copy()
    found = leaves(pixels)
    assert isinstance(found, torch.Tensor)
    found.fill_(9)
    np.testing.assert_array_equal(pixels, PIXELS)


def test_texts(notes: Preprocessor) -> None:
    # <pad> fills up, <unk> stands for cold
    same_text(
        notes(["The TEA is cold!", "hot", ""]), [[5, 2, 4, 0], [3, 1, 1, 1], [1] * 4], [4, 1, 0]
    )
    same_text(notes(("tea",)), [[2]], [1])
    same_text(notes([""]), [[]], [0])
    same_text(notes(["é", "tea"]), [[0], [2]], [1, 1])


def test_texts_are_encoded_without_a_look_at_the_whole_vocabulary(
    notes: Preprocessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Vocab, "get_itos")
    same_text(notes(["tea is cold"]), [[2, 4, 0]], [3])


def test_a_text_is_taken_as_it_is() -> None:
    own = own_tokenizer()
    same_text(own(["a a", ""]), [[1, 2, 1], [0, 0, 0]], [3, 0])
    same_text(own(pd.DataFrame({"a": ["a"], "b": ["a"]})), [[1, 2, 1]], [3])


def test_nothing_to_encode(trees: Preprocessor, notes: Preprocessor) -> None:
    found = trees([])
    assert isinstance(found, torch.Tensor)
    assert found.shape == (0, 3)
    same_text(notes([]), [], [])


def test_tables_of_texts(notes: Preprocessor) -> None:
    columns = {"body": ["is hot", ""], "title": ["Tea", "the"]}  # the recipe joins title, then body
    expected = [[2, 4, 3], [5, 1, 1]], [3, 1]
    same_text(notes(pa.table(columns)), *expected)
    same_text(notes(pd.DataFrame(columns)), *expected)
    same_text(notes(pa.table(columns).slice(1)), [[5]], [1])
