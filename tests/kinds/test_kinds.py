"""What each kind does to its rows, step by step, and the faults that it names."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from expected_vocab import first_seen_vocab, torchtext_vocab
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as npst

from shardmill.errors import (
    InputError,
    UnknownCategoryError,
    UnknownClassError,
    ValueFormatError,
)
from shardmill.format.layout import Field
from shardmill.format.ragged import Ragged
from shardmill.kinds import image, tabular, text
from shardmill.kinds.row import Fitted, RowFault, class_indices
from shardmill.raw.image_table import image_rows, image_table
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.tables import (
    ColumnTarget,
    ImageTarget,
    RawFile,
    Split,
    TableColumnTarget,
    Target,
)
from shardmill.recipe.tabular_column import Column, Missing
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.recipe.text_recipe import Text, TextRecipe, Vocabulary
from shardmill.text.tokenize_text import tokenize_rows

Cells = Sequence[str | None]
IDX_DTYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]


def string_table(**columns: Cells) -> pa.Table:
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


# Class labels


@pytest.mark.parametrize(
    ("labels", "first", "indices"),
    [
        # by name
        (["b", "a", "c"], None, [1, 0, 2]),
        # by number, counted from `first`
        (["1", "0", "2"], 0, [1, 0, 2]),
        (["3", "1", "2"], 1, [2, 0, 1]),
        (["-1", "1", "0"], -1, [0, 2, 1]),
        # from integers, as an IDX file has them
        ([2, 0], 0, [2, 0]),
        ([], 0, []),
    ],
)
def test_class_indices(labels: list[str | int], first: int | None, indices: list[int]) -> None:
    target = Target(classes=("a", "b", "c"), first=first)
    column = pa.chunked_array([pa.array(labels, None if labels else pa.string())])
    found, faults = class_indices(column, target, "label")
    assert faults == []
    assert found.type == pa.int64()
    assert found.to_pylist() == indices


@pytest.mark.parametrize(
    ("labels", "first", "row", "expected", "found"),
    [
        (["a", "B", "x"], None, 1, "one of a, b", "'B'"),
        (["a", "ab"], None, 1, "one of a, b", "'ab'"),
        # with numbers, names are no labels; nor is another spelling of the number
        (["a"], 0, 0, "one of 0, 1", "'a'"),
        (["1", "2", "0"], 1, 2, "one of 1, 2", "'0'"),
        (["01"], 1, 0, "one of 1, 2", "'01'"),
        (["a", None], None, 1, "one of a, b", "''"),
    ],
)
def test_label_outside_the_classes(
    labels: list[str | None], first: int | None, row: int, expected: str, found: str
) -> None:
    target = Target(classes=("a", "b"), first=first)
    column = pa.chunked_array([pa.array(labels, pa.string())])
    fault = class_indices(column, target, "label")[1][0]
    assert (fault.row, fault.column) == (row, "label")
    error = fault.at("train.csv:7")
    assert isinstance(error, UnknownClassError)
    assert str(error) == (
        f"train.csv:7, column label: expected {expected}, found {found}; "
        "correct the file, or the classes of the recipe"
    )


def test_fault_without_a_column() -> None:
    fault = RowFault(3, "", ValueFormatError, expected="e", found="f", fix="g")
    assert str(fault.at("here")) == "here: expected e, found f; g"


# Tabular


def table_recipe(
    columns: dict[str, Column], target: TableColumnTarget | None = None
) -> TabularRecipe:
    splits = {"train": Split(csv=RawFile(path="train.csv"))}
    return TabularRecipe(name="t", kind="tabular", columns=columns, target=target, splits=splits)


def fit_tables(recipe: TabularRecipe, *tables: pa.Table) -> Fitted:
    return tabular.fit(recipe, [tabular.prepare(recipe, table)[1] for table in tables])


def number(missing: Missing = "error") -> Column:
    return Column(dtype="float64", missing=missing)


def through_tabular(column: Column, cells: Cells) -> tuple[Any, list[float]]:
    """Return the statistics of a single column, and the column encoded."""
    recipe = table_recipe({"c": column})
    table = tabular.clean(recipe, string_table(c=cells), labelled=False).table
    fitted = fit_tables(recipe, table.slice(0, 1), table.slice(1))
    x = tabular.encode_prepared(recipe, fitted, table)["x"]
    assert x.dtype == np.float32
    assert x.shape == (len(cells), 1)
    return fitted.statistics["c"], x[:, 0].tolist()


STRINGS = {"p": 5, "q": 7, "r": 1}


@pytest.mark.parametrize(
    ("column", "cells", "fill", "x"),
    [
        # median of an odd and an even number of values
        (number("median"), ["1", None, "9", "2"], 2.0, [1, 2, 9, 2]),
        (number("median"), ["1", None, "2", None], 1.5, [1, 1.5, 2, 1.5]),
        (number("mean"), ["1", None, "9", "2"], 4.0, [1, 4, 9, 2]),
        # an integer column may still be filled with a fraction
        (Column(dtype="int64", missing="mean"), ["1", "2", None], 1.5, [1, 2, 1.5]),
        # mode: the most frequent, the smallest of several
        (number("mode"), ["9", "2", "9", None], 9.0, [9, 2, 9, 9]),
        (number("mode"), ["9", "2", None], 2.0, [9, 2, 2]),
        # the mode of strings is a string, its number comes from the map; smallest by text
        (
            Column(dtype="str", map=STRINGS, missing="mode"),
            ["r", "q", None, "q"],
            "q",
            [1, 7, 7, 7],
        ),
        (Column(dtype="str", map=STRINGS, missing="mode"), ["r", "q", None], "q", [1, 7, 7]),
        # nothing is filled in
        (number("keep"), ["1", None, "2"], None, [1, math.nan, 2]),
        (Column(dtype="str", map=STRINGS, missing="keep"), [None, "p"], None, [math.nan, 5]),
        (number("keep"), [None, None], None, [math.nan, math.nan]),
        (number(), ["1", " 2.5 ", "-3e2"], None, [1, 2.5, -300]),
        (Column(dtype="int64"), ["1", "-2"], None, [1, -2]),
        (Column(dtype="str", map=STRINGS), ["p", "r"], None, [5, 1]),
    ],
)
def test_missing_cells(column: Column, cells: Cells, fill: object, x: list[float]) -> None:
    statistics, found = through_tabular(column, cells)
    np.testing.assert_array_equal(found, np.array(x, np.float32))
    assert statistics.fill == fill
    assert statistics.missing == cells.count(None)


numbers = st.floats(-1e6, 1e6, width=32)


@settings(max_examples=60, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=20), st.integers(0, 5))
def test_statistics_are_numpys_of_the_stored_values(values: list[float], missing: int) -> None:
    cells = [*(repr(value) for value in values), *[None] * missing]
    kept, _ = through_tabular(number("keep"), cells)
    filled, _ = through_tabular(number("mean"), cells)
    mean = float(np.mean(values))
    assert filled.fill == pytest.approx(mean, abs=1e-6)
    for statistics, stored in ((kept, values), (filled, [*values, *[mean] * missing])):
        assert statistics.mean == pytest.approx(np.mean(stored), abs=1e-6)
        assert statistics.std == pytest.approx(np.std(stored), rel=1e-6, abs=1e-6)
        assert statistics.missing == missing


def test_statistics_of_nothing() -> None:
    statistics, _ = through_tabular(number("keep"), [None])
    assert (statistics.mean, statistics.std, statistics.missing) == (None, None, 1)


def test_rows_that_are_dropped() -> None:
    recipe = table_recipe(
        {"a": number("drop"), "y": Column(dtype="str"), "b": number("drop"), "c": number("keep")},
        TableColumnTarget(column="y", classes=("no", "yes")),
    )
    raw = string_table(
        a=["0", None, "2", None, "4"],
        b=["5", "6", None, None, "9"],
        c=["0", "1", "2", "3", None],
        y=["yes", "no", "no", "no", "no"],
    )
    cleaned = tabular.clean(recipe, raw, labelled=True)
    # a row that lacks several counts once, by the first feature
    assert cleaned.dropped == {1: "a is missing", 2: "b is missing", 3: "a is missing"}
    assert cleaned.table.to_pydict() == {"a": [0, 4], "b": [5, 9], "c": [0, None], "y": [1, 0]}


def test_columns_that_are_dropped_are_never_looked_at() -> None:
    columns = {"a": number(), "d": Column(dtype="int64", drop=True)}
    for raw in (string_table(d=["x", None], a=["1", "2"]), string_table(a=["1", "2"])):
        cleaned = tabular.clean(table_recipe(columns), raw, labelled=False)
        assert cleaned.table.to_pydict() == {"a": [1.0, 2.0]}
        assert cleaned.dropped == {}


def test_types_of_cleaned_columns() -> None:
    columns = {
        "f": number("keep"),
        "i": Column(dtype="int64", missing="keep"),
        "s": Column(dtype="str", map=STRINGS, missing="keep"),
        "y": Column(dtype="int64"),
    }
    recipe = table_recipe(columns, TableColumnTarget(column="y", classes=("no", "yes"), first=0))
    raw = string_table(y=["1", "0"], s=["p", None], i=["3", None], f=["4", None])
    table = tabular.clean(recipe, raw, labelled=True).table
    assert dict(zip(table.column_names, table.schema.types, strict=True)) == {
        "f": pa.float64(),
        "i": pa.int64(),
        "s": pa.string(),
        "y": pa.int64(),
    }
    unlabelled = tabular.clean(recipe, raw.drop_columns("y"), labelled=False).table
    assert unlabelled.equals(table.drop_columns("y"))


def test_features_keep_the_order_of_the_recipe() -> None:
    recipe = table_recipe({"b": number(), "a": number(), "c": number()})
    table = tabular.clean(recipe, string_table(c=["3"], a=["1"], b=["2"]), labelled=False).table
    fitted = fit_tables(recipe, table)
    assert fitted.features == ("b", "a", "c")
    assert fitted.inputs == (Field.input("float32", (3,)),)
    assert tabular.encode_prepared(recipe, fitted, table)["x"].tolist() == [[2, 1, 3]]


def test_fill_comes_from_the_train_split_alone() -> None:
    recipe = table_recipe({"c": number("mean")})
    train, test = (
        tabular.clean(recipe, string_table(c=cells), labelled=False).table
        for cells in (["1", "3"], ["100", None])
    )
    fitted = fit_tables(recipe, train)
    assert tabular.encode_prepared(recipe, fitted, test)["x"].tolist() == [[100], [2]]


@pytest.mark.parametrize(
    ("column", "cells", "row", "error", "expected", "found"),
    [
        # a missing cell where none may be
        (number(), ["1", None], 1, ValueFormatError, "a value of float64", "an empty cell"),
        (Column(dtype="str", map=STRINGS), [None], 0, ValueFormatError, "a value of str", "empty"),
        # not a number of this dtype
        (number(), ["1", "2", "x"], 2, ValueFormatError, "a finite float64", "'x'"),
        (number("keep"), ["1", "", None], 1, ValueFormatError, "a finite float64", "''"),
        (Column(dtype="int64"), ["1", "2.0"], 1, ValueFormatError, "a finite int64", "'2.0'"),
        (Column(dtype="int64"), [str(2**63)], 0, ValueFormatError, "a finite int64", str(2**63)),
        # a number, but not a finite one
        (number(), ["1", "nan"], 1, ValueFormatError, "a finite float64", "'nan'"),
        (number(), ["-inf"], 0, ValueFormatError, "a finite float64", "'-inf'"),
        (number("keep"), [None, "1e999"], 1, ValueFormatError, "a finite float64", "'1e999'"),
        # outside the map; case and spaces count
        (Column(dtype="str", map=STRINGS), ["p", "P"], 1, UnknownCategoryError, "p, q, r", "'P'"),
        (
            Column(dtype="str", map=STRINGS, missing="keep"),
            [None, " p"],
            1,
            UnknownCategoryError,
            "one of p, q, r",
            "' p'",
        ),
    ],
)
def test_faults_carry_row_and_column(
    column: Column, cells: Cells, row: int, error: type[InputError], expected: str, found: str
) -> None:
    recipe = table_recipe({"ok": number(), "c": column})
    raw = string_table(ok=["0"] * len(cells), c=cells)
    cleaned = tabular.clean(recipe, raw, labelled=False)
    assert len(cleaned.table) == len(cells) - 1
    (fault,) = cleaned.faults
    assert (fault.row, fault.column) == (row, "c")
    with pytest.raises(
        error, match=f"train.csv:9, column c: expected .*{expected}, found .*{found}"
    ):
        raise fault.at("train.csv:9")


@pytest.mark.parametrize("missing", ["median", "mean", "mode"])
def test_nothing_to_impute_from(missing: Missing) -> None:
    with pytest.raises(RowFault) as caught:
        through_tabular(number(missing), [None, None])
    assert caught.value.column == "c"
    with pytest.raises(ValueFormatError, match="at least one value to impute from, found none"):
        raise caught.value.at("train")


# Image


def image_recipe(target: ImageTarget | None = None) -> ImageRecipe:
    splits = {"train": Split(images=RawFile(path="i"), labels=RawFile(path="l"))}
    return ImageRecipe(name="i", kind="image", target=target, splits=splits)


tensors = npst.arrays(
    st.sampled_from(IDX_DTYPES).map(np.dtype),
    npst.array_shapes(min_dims=1, max_dims=4, max_side=4),
)


@settings(max_examples=100, deadline=None)
@given(tensors, st.integers(0, 4), st.integers(0, 4))
def test_columns_of_images_read_back(rows: npt.NDArray[Any], start: int, length: int) -> None:
    table = image_table(rows)
    for part, expected in (
        (table, rows),
        (table.slice(start, length), rows[start:][:length]),
        (pa.concat_tables([table.slice(start), table]), np.concatenate([rows[start:], rows])),
    ):
        found = image_rows(part)
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        assert found.tobytes() == expected.tobytes()


def test_column_of_images_of_any_strides() -> None:
    rows = np.arange(24, dtype=np.int16).reshape(2, 3, 4).swapaxes(0, 2)[::-1]
    np.testing.assert_array_equal(image_rows(image_table(rows)), rows)


@pytest.mark.parametrize("dtype", IDX_DTYPES)
@pytest.mark.parametrize(
    ("shape", "stored"),
    [
        # [height, width] gains the channel that torch wants
        ((3, 5), (1, 3, 5)),
        # any other rank is left alone
        ((2, 3, 5), (2, 3, 5)),
        ((1, 3, 5), (1, 3, 5)),
        ((7,), (7,)),
        ((), ()),
    ],
)
def test_shapes_and_dtypes(dtype: str, shape: tuple[int, ...], stored: tuple[int, ...]) -> None:
    rows = (np.arange(4 * math.prod(shape)) % 100 - 5).astype(dtype).reshape(4, *shape)
    cleaned = image.clean(image_recipe(), image_table(rows), labelled=False).table
    prepared, moments = image.prepare(image_recipe(), cleaned)
    assert prepared is cleaned  # which needs no file of its own
    fitted = image.fit(image_recipe(), iter([moments]))
    (key,) = image.lookups(fitted, [moments])
    x = image.encode_prepared(image_recipe(), fitted, prepared.slice(1, 2), key)["x"]
    assert fitted.inputs == (Field.input(dtype, stored),)  # type: ignore[arg-type]
    assert x.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(x, rows[1:3].reshape(2, *stored))


def test_labels_of_images() -> None:
    recipe = image_recipe(ImageTarget(classes=("oak", "fir"), first=1))
    rows = np.zeros((3, 2, 2), np.uint8)
    raw = image_table(rows).append_column("label", pa.array([2, 1, 2], pa.uint8()))
    table = image.clean(recipe, raw, labelled=True).table
    assert table.column("label").to_pylist() == [1, 0, 1]
    assert image.clean(recipe, image_table(rows), labelled=False).table.column_names == ["image"]
    wrong = image_table(rows).append_column("label", pa.array([2, 1, 0], pa.uint8()))
    cleaned = image.clean(recipe, wrong, labelled=True)
    assert len(cleaned.table) == len(wrong) - 1
    assert [(fault.row, fault.column) for fault in cleaned.faults] == [(2, "label")]


finite_tensors = st.sampled_from(IDX_DTYPES).flatmap(
    lambda dtype: npst.arrays(
        np.dtype(dtype),
        npst.array_shapes(min_dims=3, max_dims=3, max_side=5),
        elements=(
            st.floats(-1000, 1000, width=32)
            if dtype.startswith("float")
            else st.integers(0 if dtype == "uint8" else -100, 100)
        ),
    )
)


@settings(max_examples=80, deadline=None)
@given(finite_tensors, st.integers(1, 5))
def test_mean_and_std_are_numpys_in_any_batches(rows: npt.NDArray[Any], batch: int) -> None:
    table = image_table(rows)
    batches = (table.slice(start, batch) for start in range(0, len(rows), batch))
    summaries = (image.prepare(image_recipe(), part)[1] for part in batches)
    statistics = image.fit(image_recipe(), summaries).statistics["image"]
    numbers64 = rows.astype(np.float64)
    assert statistics.mean == pytest.approx(numbers64.mean(), rel=1e-9, abs=1e-9)
    assert statistics.std == pytest.approx(numbers64.std(), rel=1e-6, abs=1e-6)


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
        splits={"train": Split(csv=RawFile(path="train.csv"))},
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
    fitted = text.fit(recipe, [counts_of(recipe, texts_table(*train))])
    assert fitted.inputs == (Field.input("int32", ragged=True),)
    prepared, summary = text.prepare(recipe, texts_table(*test))
    (key,) = text.lookups(fitted, [summary])
    ragged = text.encode_prepared(recipe, fitted, prepared, key)["x"]
    assert ragged.values.dtype == ragged.sizes.dtype == np.dtype(np.int32)
    return ragged


def counts_of(recipe: TextRecipe, cleaned: pa.Table) -> pa.Table:
    counts = text.prepare(recipe, cleaned)[1]
    assert counts is not None
    return counts


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
    prepared, counts = text.prepare(text_recipe(), cleaned)
    assert prepared.to_pydict() == {
        "codes": [[0, 1, 2, 3], [], [4, 0, 1]],
        "label": [0, 1, 0],
    }
    assert counts is not None
    assert counts.to_pydict() == {
        "token": ["to", "be", ",", "or", "not"],
        "count": [2, 2, 1, 1, 1],
    }


def test_rows_of_slices_are_finished() -> None:
    recipe = text_recipe()
    prepared, summary = text.prepare(recipe, texts_table("a b", "", "c", "b b a"))
    fitted = text.fit(recipe, [counts_of(recipe, texts_table("a a b"))])  # a 2, b 3
    (key,) = text.lookups(fitted, [summary])
    ragged = text.encode_prepared(recipe, fitted, prepared.slice(1, 3), key)["x"]
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
    st.sampled_from(["basic_english", "whitespace"]),
    st.sampled_from([1, 4, 4_000_000]),
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
    prepared_files = [text.prepare(recipe, chunk) for chunk in chunks]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "_MERGE_TOKENS", merge_tokens)
        fitted = text.fit(recipe, (counts_of(recipe, chunk) for chunk in chunks))

    expected = {"frequency": torchtext_vocab, "first_seen": first_seen_vocab}[vocabulary.order](
        tokens, vocabulary.min_freq, vocabulary.specials, vocabulary.max_tokens
    )
    assert fitted.vocab is not None
    assert fitted.vocab.get_itos() == expected
    assert (fitted.unknown, fitted.padding, fitted.padding_id()) == ("<unk>", "<pad>", 1)

    keys = text.lookups(fitted, [summary for _, summary in prepared_files])
    parts = [
        text.encode_prepared(recipe, fitted, prepared, key)["x"]
        for (prepared, _), key in zip(prepared_files, keys, strict=True)
    ]
    number = {token: at for at, token in enumerate(expected)}
    ids = [number.get(token, 0) for row in tokens for token in row]
    assert np.concatenate([part.values for part in parts]).tolist() == ids
    assert np.concatenate([part.sizes for part in parts]).tolist() == [len(row) for row in tokens]
