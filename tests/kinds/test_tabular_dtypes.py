"""Tables: dtypes of groups and targets, and laws of the fit."""

import statistics as python_statistics
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from bikes import BIKES, COLUMNS, NAMES, SPLITS, bikes_recipe, raw_rows
from hypothesis import given, settings, strategies as st
from one_column import one_column
from tables import NAN, fit_chunks, table_of, through

from shardmill.errors import ValueFormatError
from shardmill.format.layout import Field
from shardmill.kinds import tabular
from shardmill.kinds.column_numbers import mean_and_std
from shardmill.kinds.row import Cleaned, RowFault
from shardmill.kinds.tabular_dtypes import class_dtype
from shardmill.recipe.tabular_recipe import TabularRecipe

# Groups and targets


def clean_bikes(rows: int = 40, text: str = BIKES) -> tuple[TabularRecipe, Cleaned]:
    recipe = bikes_recipe(text)
    cells = raw_rows(rows)
    raw = table_of(**{name: [row[name] or None for row in cells] for name in NAMES})
    return recipe, tabular.clean(recipe, raw, labelled=True)


def test_groups_have_small_dtypes() -> None:
    recipe, cleaned = clean_bikes()
    fitted = fit_chunks(recipe, cleaned.table)
    assert fitted.inputs == (
        Field.input("int16", (3,), group="times"),
        Field.input("float32", (3,), group="numbers"),
        Field.input("bool", (5,), group="flags"),
        Field.input("uint8", (1,), group="places"),
        Field.input("int32", (1,), group="docks"),
    )
    weather = ("weather=<missing>", "weather=clear", "weather=rain")
    assert fitted.features == (
        *("hired.month", "hired.weekday", "hired.hour"),
        *("temperature", "wind", "built"),
        *("holiday", "member", *weather),
        *("station", "docks"),
    )
    assert fitted.statistics["station"].categories == ("<unknown>", "Nord", "Ost", "Süd")
    inputs = tabular.encode_prepared(recipe, fitted, cleaned.table)
    assert {name: (x.dtype.name, x.shape[1:]) for name, x in inputs.items()} == {
        field.name: (field.dtype, field.shape) for field in fitted.inputs
    }
    flags = inputs["x.flags"]
    assert flags[:, 2:].sum(axis=1).tolist() == [1] * len(cleaned.table)
    docks = cleaned.table.column("docks").to_pylist()
    assert inputs["x.docks"][:, 0].tolist() == docks


def test_types_of_cleaned_columns() -> None:
    _, cleaned = clean_bikes()
    types = dict(zip(cleaned.table.column_names, cleaned.table.schema.types, strict=True))
    assert (types["hired"], types["built"]) == (pa.timestamp("us"), pa.date32())
    assert (types["holiday"], types["station"]) == (pa.bool_(), pa.string())
    assert (types["minutes"], types["returned"]) == (pa.float64(), pa.int64())


def test_targets() -> None:
    recipe, cleaned = clean_bikes()
    assert tabular.targets(recipe) == (
        Field.target("number", "float32", group="minutes"),
        Field.target("class", "uint8", group="returned"),
    )
    assert tabular.target_columns(recipe) == ("minutes", "returned")
    assert set(cleaned.dropped.values()) == {"minutes is missing"}
    minutes = fit_chunks(recipe, cleaned.table).statistics["minutes"]
    assert minutes.mean == pytest.approx(np.mean(cleaned.table.column("minutes").to_pylist()))
    columns = COLUMNS.replace('returned = { dtype = "str" }', "").replace(', missing = "drop"', "")
    one = bikes_recipe(columns + "[target]\ncolumn = 'docks'\n" + SPLITS)
    assert tabular.targets(one) == (Field.target("number", "float32"),)
    assert one.features()[-1] == "minutes"


@pytest.mark.parametrize(
    ("column", "group", "dtype"),
    [
        ('dtype = "bool"', "['c']", "uint8"),
        ('dtype = "bool", missing = "keep"', "['c']", "float32"),
        ('dtype = "str", map = { a = -1, b = 200 }', "['c']", "int16"),
        ('dtype = "str", map = { a = -1, b = 5 }', "['c']", "int8"),
        ('dtype = "str", map = { a = 70000 }', "['c']", "int32"),
        ('dtype = "date", parts = ["month", "day"]', "['c']", "int16"),
        ('dtype = "date", parts = ["month"], missing = "mode"', "['c']", "int16"),
        ('dtype = "date"', "['c']", "float32"),
        ('dtype = "int64"', "['c']", "float32"),
        ('dtype = "int64"', "{ columns = ['c'], dtype = 'int64' }", "int64"),
        ('dtype = "timestamp"', "{ columns = ['c'], dtype = 'float64' }", "float64"),
        ('dtype = "str", categories = "learn"', "['c']", "uint8"),
    ],
)
def test_dtype_of_a_group(column: str, group: str, dtype: str) -> None:
    cells = {"bool": "1", "str": "a", "date": "2024-05-06", "int64": "7", "timestamp": "2024-01-01"}
    recipe = one_column(column, f"groups.g = {group}")
    raw = table_of(c=[cells[recipe.columns["c"].dtype]])
    fitted = fit_chunks(recipe, tabular.clean(recipe, raw, labelled=False).table)
    assert (fitted.inputs[0].name, fitted.inputs[0].dtype) == ("x.g", dtype)


def test_more_categories_than_a_byte_holds() -> None:
    column = 'dtype = "str", categories = "learn"'
    cells = [f"{number:03}" for number in range(300)]
    for group, message in (
        ("['c']", ""),
        ("{ columns = ['c'], dtype = 'uint8' }", "from 0 to 300"),
    ):
        recipe = one_column(column, f"groups.g = {group}")
        table = tabular.clean(recipe, table_of(c=cells), labelled=False).table
        if message:
            with pytest.raises(RowFault) as caught:
                fit_chunks(recipe, table)
            with pytest.raises(ValueFormatError, match=f"that uint8 can hold.*{message}"):
                raise caught.value.at("the train split")
            continue
        fitted = fit_chunks(recipe, table)
        assert fitted.inputs == (Field.input("int16", (1,), group="g"),)
        assert tabular.encode_prepared(recipe, fitted, table)["x.g"][:, 0].tolist() == list(
            range(1, 301)
        )


def test_whole_numbers_stay_exact_in_a_group_of_int64() -> None:
    large = 2**53 + 1
    group = "groups.g = { columns = ['c'], dtype = 'int64' }"
    recipe = one_column('dtype = "int64", missing = "mode"', group)
    raw = table_of(c=["3", "3", str(large), None])
    table = tabular.clean(recipe, raw, labelled=False).table
    fitted = fit_chunks(recipe, table, [2])
    assert tabular.encode_prepared(recipe, fitted, table)["x.g"].tolist() == [
        [3],
        [3],
        [large],
        [3],
    ]


# Laws


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 30), st.integers(0, 10**6), st.lists(st.integers(0, 30), max_size=4))
def test_any_chunks_teach_the_same(rows: int, seed: int, borders: list[int]) -> None:
    recipe = bikes_recipe()
    cells = raw_rows(rows, seed) + raw_rows(3, 1)
    known = {"built": "1/1/2000", "member": "ja", "temperature": "0.1", "minutes": "1"}
    cells += [{**row, **known} for row in cells[-1:]]
    raw = table_of(**{name: [row[name] or None for row in cells] for name in NAMES})
    table = tabular.clean(recipe, raw, labelled=True).table
    whole = fit_chunks(recipe, table)
    borders = [min(border, len(table)) for border in borders]
    parts = fit_chunks(recipe, table, borders)
    assert parts == whole
    assert repr(parts) == repr(whole)  # zeros have signs
    inputs = tabular.encode_prepared(recipe, whole, table)
    middle = len(table) // 2
    halves = [
        tabular.encode_prepared(recipe, whole, part)
        for part in (table.slice(0, middle), table.slice(middle))
    ]
    for name, x in inputs.items():
        assert np.concatenate([half[name] for half in halves]).tobytes() == x.tobytes()


values = st.lists(st.integers(-1000, 1000).map(lambda n: n / 8), min_size=1, max_size=30)


@settings(max_examples=80, deadline=None)
@given(values, st.integers(0, 3), st.sampled_from(["median", "mean", "mode"]), st.booleans())
def test_imputation_is_pythons(
    numbers: list[float], missing: int, how: str, standardise: bool
) -> None:
    cells = [*(repr(number) for number in numbers), *[None] * missing]
    scale = "standardise" if standardise else "none"
    _, found, x = through(f'dtype = "float64", missing = "{how}", scale = "{scale}"', cells)
    counts = Counter(sorted(numbers))
    fill = {
        "median": python_statistics.median(numbers),
        "mean": python_statistics.fmean(numbers),
        "mode": counts.most_common(1)[0][0],
    }[how]
    assert found["c"].fill == pytest.approx(fill, abs=1e-12)
    stored = np.array([*numbers, *[fill] * missing])
    if standardise:
        spread = stored.std() if stored.std() > 1e-9 else 1
        stored = (stored - stored.mean()) / spread
    np.testing.assert_allclose(np.array(x)[:, 0], stored, rtol=1e-5, atol=1e-5)
    assert found["c"].mean == pytest.approx(stored.mean(), abs=1e-6)
    assert found["c"].std == pytest.approx(stored.std(), abs=1e-6)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", "é", "e"]), min_size=1), st.integers(1, 3))
def test_learnt_categories_are_the_frequent_ones_in_order(cells: list[str], least: int) -> None:
    column = f'dtype = "str", categories = "learn", min_freq = {least}, max_categories = 2'
    _, found, x = through(column, cells)
    counts = Counter(cells)
    ranked = sorted(counts, key=lambda text: (-counts[text], text))
    kept = sorted([text for text in ranked if counts[text] >= least][:2])
    assert found["c"].categories == ("<unknown>", *kept)
    assert [int(number) for (number,) in x] == [
        kept.index(text) + 1 if text in kept else 0 for text in cells
    ]


def test_moments_of_numbers_as_large_as_they_come() -> None:
    assert mean_and_std(np.array([1e308, -1e308]), np.array([5, 3])) == (None, None)
    assert mean_and_std(np.array([NAN]), np.array([5])) == (None, None)
    assert mean_and_std(np.array([0.1, NAN]), np.array([3, 5])) == (0.1, 0.0)


@pytest.mark.parametrize(
    ("classes", "dtype"), [(1, "uint8"), (256, "uint8"), (257, "int16"), (32_769, "int32")]
)
def test_classes_take_as_few_bytes_as_they_need(classes: int, dtype: str) -> None:
    assert class_dtype(classes) == dtype
