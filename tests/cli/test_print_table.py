"""Tables of any width show every number whole."""

import re
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import pytest
from hypothesis import given, strategies as st

from shardmill.cli import print_table as printing

NAMES = st.text("abc 漢[]\\", min_size=1, max_size=40).map(lambda name: name.strip() or "a")
NUMBERS = st.integers(0, 10**12).map("{:,}".format)


def printed(width: int, *table: Any, **options: Any) -> list[str]:
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out:
        patch.setattr(printing, "line_width", lambda: width)
        printing.print_table(*table, **options)
    return out.getvalue().splitlines()


@given(data=st.data(), width=st.integers(1, 200), names=st.integers(1, 2))
def test_no_number_is_cut(data: Any, width: int, names: int) -> None:
    count = data.draw(st.integers(1, 8))
    headings = data.draw(st.lists(NAMES, min_size=count + names, max_size=count + names))
    row = st.tuples(*[NAMES] * names, *[NUMBERS] * count)
    rows = data.draw(st.lists(row, min_size=1, max_size=8))
    lines = printed(width, headings, rows, names=names)
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]
    numbers = [line[names:] for line in cells if any(line[names:])]
    assert numbers == [list(row[names:]) for row in rows]
    said = "".join("".join(line[:names]) for line in cells).replace(" ", "")
    assert sorted(said) == sorted("".join("".join(r[:names]) for r in rows).replace(" ", ""))


@pytest.mark.parametrize(("width", "fit"), [(17, False), (18, True)])
def test_a_table_fits_or_is_wrapped(width: int, fit: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    table = ["a name", "rows"], [("one two", "1,234")]
    monkeypatch.setattr(printing, "line_width", lambda: width + 1)
    assert printing.fits(*table) == fit
    assert (len(printed(width + 1, *table)) == 5) == fit


def test_cells_are_no_markup() -> None:
    lines = printed(80, ["[b]", "rows"], [("[/red]", "1")])
    assert re.findall(r"\[.*?\]", "\n".join(lines)) == ["[b]", "[/red]"]
