"""Dates and times in the ways that people write them."""

import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from building import build

import shardmill
from shardmill.pipeline.infer.infer_recipe import infer_recipe
from shardmill.pipeline.infer.time_forms import COMPACT, TIME_FORMS
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.recipe.time_format import format_fault

# The days go past 12, so that no form can be taken for one with the month in another place.
SPLITS = ("train", "validation", "test")
TIMES = [datetime(2019, 4, 11, 13, 7, 9, 250000) + timedelta(days=41 * i) for i in range(60)]


def infer_times(tmp_path: Path, cells: list[str]) -> tuple[dict[str, Any], str]:
    rows = [f"{cell};{i % 2}" for i, cell in enumerate(cells)]
    (tmp_path / "t.csv").write_text("\n".join(["t;y", *rows, ""]), encoding="utf-8")
    text = infer_recipe([tmp_path / "t.csv"]).text
    return tomllib.loads(text)["columns"]["t"], text


@pytest.mark.parametrize("form", TIME_FORMS)
def test_each_form_is_found_and_can_be_read(form: str, tmp_path: Path) -> None:
    keys, text = infer_times(tmp_path, [time.strftime(form) for time in TIMES])
    assert keys["format"] == form
    assert keys["dtype"] == ("timestamp" if "%M" in form else "date")
    assert format_fault(form, keys["dtype"]) == ""
    artifact = build(parse_recipe(text, where="t"), tmp_path, tmp_path / "out")
    assert sum(len(shardmill.open(artifact, split=s)) for s in SPLITS) == len(TIMES)


def test_rows_are_the_times_that_were_written(tmp_path: Path) -> None:
    keys, text = infer_times(tmp_path, [time.strftime("%d-%b-%Y %I:%M %p") for time in TIMES])
    assert keys["parts"] == ["year", "month", "day", "weekday", "hour"]
    artifact = build(parse_recipe(text, where="t"), tmp_path, tmp_path / "out")
    rows = pa.concat_tables([pa.parquet.read_table(path) for path in artifact.rglob("*.parquet")])
    written = {time.replace(second=0, microsecond=0) for time in TIMES}
    assert {time.replace(tzinfo=None) for time in rows["t"].to_pylist()} == written


@pytest.mark.parametrize(
    ("cells", "keys"),
    [
        (["20201231", "20201331"], {"dtype": "int64"}),  # there is no month 13
        (["20201231", "99991231"], {"dtype": "int64"}),
        (["20201231.145912345", "20201231.145912"], {"dtype": "float64"}),
        (["31,12202014", "30,12202015"], {"dtype": "float64", "decimal": ","}),
        (["44196", "44197"], {"dtype": "int64"}),
    ],
)
def test_numbers_stay_numbers(cells: list[str], keys: dict[str, Any], tmp_path: Path) -> None:
    assert infer_times(tmp_path, cells * 20)[0] == keys


@pytest.mark.parametrize("form", COMPACT)
def test_digits_that_may_be_a_number_are_commented(form: str, tmp_path: Path) -> None:
    _, text = infer_times(tmp_path, [time.strftime(form) for time in TIMES])
    number = "float64" if "." in form else "int64"
    assert f'all cells can be read as {form}; if they are numbers: dtype = "{number}"' in text


def test_the_other_order_of_day_and_month_is_named(tmp_path: Path) -> None:
    keys, text = infer_times(tmp_path, ["01/05/2024", "02/06/2024"] * 20)
    assert keys["format"] == "%m/%d/%Y"
    assert "no cell says which number is the day; it may be %d/%m/%Y" in text
    keys, text = infer_times(tmp_path, ["1 May 2024", "2 May 2024"] * 20)
    assert keys["format"] == "%d %b %Y"
    assert "no cell says" not in text
