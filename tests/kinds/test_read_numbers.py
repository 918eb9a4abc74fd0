"""Numbers in the formats that a recipe may state are what Python makes of their plain spelling."""

import math
import re
from typing import Literal

import pyarrow as pa
import pytest
from hypothesis import given, strategies as st
from one_column import one_column
from recipe_texts import fault_of
from tables import table_of

from shardmill.kinds import tabular
from shardmill.kinds.keys_for_cells import keys_for_number
from shardmill.kinds.read_numbers import read_numbers
from shardmill.kinds.tabular_given import given_cells
from shardmill.recipe.number_format import NumberFormat

AFFIXES = ["", "$", "%", "kg", "€", "USD", "m2", "(", "a.b"]
formats = st.builds(
    NumberFormat,
    st.sampled_from([".", ","]),
    st.sampled_from(["", ",", ".", "'", "\u2019", "_", " ", "\u00a0", "\u202f"]),
    st.tuples(st.sampled_from([*AFFIXES[:-2], "e"])),
    st.tuples(st.sampled_from(AFFIXES), st.sampled_from(["", "%"])),
).filter(lambda form: not list(form.faults()))
dtypes = st.sampled_from(["int64", "float64"])
DType = Literal["int64", "float64"]


def by_python(cell: str, dtype: str, form: NumberFormat) -> float | None:
    """What a number is, by way of its parts."""
    sign = ""
    if cell[:1] in ("+", "-"):
        sign, cell = cell[0], cell[1:]
    for prefix in form.prefix:
        for suffix in form.suffix:
            if cell.startswith(prefix) and cell.endswith(suffix):
                inner = cell[len(prefix) : len(cell) - len(suffix)].strip()
                if len(cell) < len(prefix) + len(suffix):
                    continue
                number = _plain(inner, dtype, form, signed=not sign)
                if number is not None:
                    return -number if sign == "-" else number
    return None


def _plain(text: str, dtype: str, form: NumberFormat, *, signed: bool) -> float | None:
    sign = text[0] if signed and text[:1] in ("+", "-") else ""
    whole, mark, rest = text[len(sign) :].partition(form.decimal)
    if not mark:
        found = re.search("[eE]", whole)
        whole, exponent = (whole[: found.start()], whole[found.start() :]) if found else (whole, "")
        fraction = ""
    else:
        found = re.search("[eE]", rest)
        fraction, exponent = (rest[: found.start()], rest[found.start() :]) if found else (rest, "")
    if form.thousands and form.thousands in whole:
        first, *groups = whole.split(form.thousands)
        if not 1 <= len(first) <= 3 or first[0] == "0" or any(len(g) != 3 for g in groups):
            return None
        whole = first + "".join(groups)
    plain = f"{sign}{whole}{'.' if mark else ''}{fraction}{exponent}"
    if re.search(r"[^0-9]", whole + fraction):
        return None
    try:
        number = float(plain)
    except ValueError:
        return None
    if dtype == "float64":
        return number
    if exponent or fraction.strip("0") or not whole or not -(2**63) <= int(sign + whole) < 2**63:
        return None
    return int(sign + whole)


@given(formats, dtypes, st.data())
def test_numbers_are_what_python_makes_of_them(
    form: NumberFormat, dtype: DType, data: st.DataObject
) -> None:
    some = st.text(st.sampled_from(f"0123459.,'+-eEx{form.thousands}"), max_size=9)
    grouped = st.integers(-(10**7), 10**7).map(
        lambda n: f"{n:,}".replace(",", form.thousands or "")
    )
    number = some | grouped | st.integers().map(str) | st.floats().map(str)
    cells = st.builds(
        lambda sign, prefix, blank, text, suffix: f"{sign}{prefix}{blank}{text}{suffix}".strip(),
        st.sampled_from(["", "", "+", "-"]),
        st.sampled_from(form.prefix),
        st.sampled_from(["", "", " ", "\u00a0"]),
        number,
        st.sampled_from([*form.suffix, "%"]),
    )
    drawn = data.draw(st.lists(cells, min_size=1, max_size=5))
    found = read_numbers(pa.array(drawn), dtype, form).to_pylist()
    finite = [n if n is None or math.isfinite(n) else None for n in found]
    expected = [by_python(cell, dtype, form) for cell in drawn]
    assert finite == [n if n is None or math.isfinite(n) else None for n in expected]


@given(
    st.lists(st.sampled_from(["1", "+1", "1.0", "x", "0x1", "-0", "1_0", "1.", ".5", "07"])), dtypes
)
def test_cells_do_not_depend_on_each_other(cells: list[str], dtype: DType) -> None:
    alone = [read_numbers(pa.array([cell]), dtype)[0].as_py() for cell in cells]
    assert read_numbers(pa.array(cells, pa.string()), dtype).to_pylist() == alone


@pytest.mark.parametrize(
    ("column", "more", "cells", "numbers"),
    [
        ('dtype = "int64"', "", ["+1", "-0", "007", " 8", "9.0", "22."], [1, 0, 7, 8, 9, 22]),
        ('dtype = "int64"', "", ["9007199254740993.0"], [2**53 + 1]),
        ('dtype = "float64"', 'csv.decimal = ","', ["10,20", "4"], [10.2, 4]),
        ('dtype = "int64"', 'csv.decimal = ","', ["22,0"], [22]),
        ('dtype = "float64", decimal = "."', 'csv.decimal = ","', ["1.5"], [1.5]),
        (
            'dtype = "int64", thousands = ","',
            "",
            ["1,234", "12,345,678", "12"],
            [1234, 12345678, 12],
        ),
        # a point between thousands leaves the comma for the fraction
        ('dtype = "float64", thousands = "."', "", ["1.234", "1.234,5"], [1234, 1234.5]),
        ('dtype = "float64"', 'csv.thousands = "."', ["1.234,5"], [1234.5]),
        ('dtype = "float64", thousands = ""', 'csv.thousands = ","', ["1234"], [1234]),
        ('dtype = "int64", thousands = "\u202f"', "", ["1\u202f234"], [1234]),
        ('dtype = "int64", thousands = "\'"', "", ["1'234"], [1234]),
        ('dtype = "float64", suffix = "%"', "", ["12.5%", "7 %", "-1%"], [12.5, 7, -1]),
        ('dtype = "float64", suffix = " kg"', "", ["1 kg", "2kg", "3\u00a0kg"], [1, 2, 3]),
        ('dtype = "float64", suffix = ["%", ""]', "", ["1%", "2"], [1, 2]),
        ('dtype = "float64", prefix = "Rs.", suffix = [".-", ""]', "", ["Rs. 5", "Rs.7.-"], [5, 7]),
        (
            'dtype = "float64", prefix = "$", thousands = ","',
            "",
            ["$1,234.50", "-$2", "$-3"],
            [1234.5, -2, -3],
        ),
    ],
)
def test_keys_of_numbers(column: str, more: str, cells: list[str], numbers: list[float]) -> None:
    recipe = one_column(column, more)
    cleaned = tabular.clean(recipe, table_of(c=cells), labelled=False)
    assert cleaned.faults == ()
    assert cleaned.table.column("c").to_pylist() == numbers
    # Numbers that a program gives are spelt so.
    given = given_cells(recipe, [{"c": number} for number in numbers])
    assert tabular.clean(recipe, given, labelled=False).table.column("c").to_pylist() == numbers


@pytest.mark.parametrize(
    ("column", "cell", "keys"),
    [
        ('dtype = "float64"', "1,5", "set columns.c.decimal in"),
        ('dtype = "float64"', "1,234", "set columns.c.decimal or columns.c.thousands in"),
        ('dtype = "float64"', "1,234,567", "set columns.c.thousands in"),
        ('dtype = "int64", thousands = ","', "1,23,4", "set columns.c.thousands in"),
        ('dtype = "int64", thousands = ","', "0,123", "set columns.c.decimal or"),
        ('dtype = "float64"', "12.5%", "set columns.c.suffix in"),
        ('dtype = "float64"', "$1", "set columns.c.prefix in"),
        ('dtype = "float64", prefix = "$"', "1", "set columns.c.prefix in"),
        ('dtype = "float64"', "NA", "set columns.c.missing_values in"),
        ('dtype = "float64"', "nan", "set columns.c.missing_values in"),
        ('dtype = "float64"', "", "set columns.c.missing in"),
        ('dtype = "float64"', "1e999", "columns.c of the recipe"),
        ('dtype = "int64"', "1.5", "columns.c of the recipe"),
        ('dtype = "int64"', "a1b", "columns.c of the recipe"),
        ('dtype = "int64"', "0x1F", "columns.c of the recipe"),
    ],
)
def test_the_fix_names_the_key(column: str, cell: str, keys: str) -> None:
    cleaned = tabular.clean(one_column(column), table_of(c=[cell]), labelled=False)
    (fault,) = cleaned.faults
    assert fault.facts["fix"].startswith(f"correct the file, or {keys}")


def test_keys_that_are_not_stated_yet() -> None:
    assert keys_for_number("$5") == "prefix"
    assert keys_for_number("5", NumberFormat(suffix=("%", ""))) == ""


@pytest.mark.parametrize(
    ("column", "fault"),
    [
        ('dtype = "str", categories = ["a"], decimal = ","', "decimal: needs a dtype of numbers"),
        ('dtype = "bool", thousands = ","', "columns.c.thousands: needs a dtype of numbers"),
        ('dtype = "bool", prefix = "$"', "columns.c.prefix: needs a dtype of numbers"),
        ('dtype = "float64", decimal = ";"', "columns.c.decimal: Input should be '.' or ','"),
        ('dtype = "float64", thousands = ";"', "columns.c.thousands: Input should be"),
        (
            'dtype = "float64", decimal = ",", thousands = ","',
            "c.thousands: ',' is the decimal mark",
        ),
        ('dtype = "float64", prefix = ""', "columns.c.prefix: must have a character"),
        ('dtype = "float64", suffix = ["", " "]', "columns.c.suffix: must have a character"),
        ('dtype = "float64", suffix = 1', "columns.c.suffix: must be a text or a list of texts"),
        ('dtype = "float64", suffix = "0"', "c.suffix: '0' has '0', which may be a part of the"),
        ('dtype = "float64", prefix = "-$"', "c.prefix: '-$' has '-', which may be a part"),
        ('dtype = "float64", prefix = "."', "columns.c.prefix: '.' has '.', which may be a"),
    ],
)
def test_faults_of_formats(column: str, fault: str) -> None:
    text = (
        f'name = "t"\nkind = "tabular"\nsplits.train.csv.path = "t"\n[columns]\nc = {{ {column} }}'
    )
    assert fault in fault_of(text)


def test_formats_of_a_file_need_numbers() -> None:
    text = 'name = "t"\nkind = "tabular"\ncsv.decimal = ","\nsplits.train.csv.path = "t"\n'
    assert fault_of(f'{text}columns.c.dtype = "bool"') == "csv.decimal: needs a column of numbers"
    notes = 'name = "t"\nkind = "text"\nsplits.train.csv.path = "t"\ncsv.thousands = ","\n'
    found = fault_of(notes + 'text = { columns = ["a"], join = ["a"] }')
    assert found == "csv.thousands: needs a target that is a number"
