import json

import pyarrow as pa
import pytest
from hypothesis import example, given, strategies as st

from shardmill.raw.spell_values import texts_of
from shardmill.raw.tables.parse_json import parse_lines, types_of

TYPES = {"n": pa.int64(), "f": pa.float64(), "t": pa.string(), "b": pa.bool_()}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_infinity=False, allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
)


def test_what_arrow_can_parse_keeps_its_types() -> None:
    parsed = parse_lines(b'{"n":1,"f":2,"t":"x","b":true}\n{"more":[1]}\n', TYPES)
    assert parsed.table.schema == pa.schema(list(TYPES.items()))
    assert parsed.table.to_pylist()[1] == {"n": None, "f": None, "t": None, "b": None}
    assert parsed.lines is None


@example([{"f": 2**53}])
@example([{"f": 2**60 + 1, "t": 1}])
@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(TYPES, VALUES)), min_size=1))
def test_each_value_is_what_python_reads(rows: list[dict[str, object]]) -> None:
    data = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    table = parse_lines(data, TYPES).table
    for name in TYPES:
        values = [_text(row.get(name), name) for row in rows]
        assert texts_of(table.column(name)).to_pylist() == values


def _text(value: object, name: str) -> str | None:
    if name == "f" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and abs(value) < 2**53 and value == int(value):
        return str(int(value))
    return str(value)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"[1]", "expected a JSON object, found a list"),
        (b'{"n":1', "found text that is none"),
        (b'{"n":1}{"n":2}', "Extra data"),
        (b'{"n":01}', "found text that is none"),
        (b'{"n":1,"n":2}', "expected each key once, found 'n' twice"),
        (b'{"t":{}}', "t: expected a single value, found an object"),
        (b'{"t":"\xff"}', "expected UTF-8"),
        (b'{"t":"\\ud800"}', "found half of one"),
        (b"[" * 100_000, "very deep ones"),
        (b'{"n":' + b"1" * 5_000 + b"}", "found text that is none"),
    ],
)
def test_a_line_that_is_no_row_is_bad(line: bytes, reason: str) -> None:
    parsed = parse_lines(b'{"n":1}\n\n' + line + b'\n{"n":2}', TYPES)
    assert [(bad.line, reason in bad.reason) for bad in parsed.bad] == [(2, True)]
    assert texts_of(parsed.table.column("n")).to_pylist() == ["1", "2"]
    assert parsed.lines == [0, 3]


def test_numbers_of_other_columns_than_floats_keep_all_digits() -> None:
    lines = [b'{"f":1,"t":1.5,"n":null}', b'{"f":2.5,"t":2,"n":7}', b"no object", b"3"]
    assert types_of(lines, floats=["f"]) == {"f": pa.float64(), "t": pa.string(), "n": pa.int64()}


def test_nan_is_missing_and_infinity_is_not() -> None:
    for more in (b"", b'{"f":"x"}'):  # parsed at once, and line by line
        parsed = parse_lines(b'{"f":NaN}\n{"f":-Infinity}\n' + more, TYPES)
        assert texts_of(parsed.table.column("f")).to_pylist()[:2] == [None, "-inf"]
