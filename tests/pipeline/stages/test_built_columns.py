"""Keys of columns, from a CSV file to the rows of a dataset and to a prediction."""

import math
from pathlib import Path

import pytest
import torch
from building import build
from built_column import built_column

import shardmill
from shardmill import TabularDataset
from shardmill.recipe.load_recipe import parse_recipe

NAN = math.nan


@pytest.mark.parametrize(
    ("column", "cells", "x"),
    [
        ('dtype = "float64", missing = "keep"', [" 1", " ", " ?", "? "], [1, NAN, NAN, NAN]),
        ('dtype = "str", categories = ["a"], missing = "keep"', [" a", " ", " ?"], [1, 0, 0]),
        ('dtype = "str", categories = ["a", " a"], strip = false', ["a", " a"], [0, 1]),
        ('dtype = "float64", decimal = ",", thousands = "."', ["10,20", "1.234,5"], [10.2, 1234.5]),
        ('dtype = "int64", thousands = ","', ["1,234", "12,345,678"], [1234, 12345678]),
        ('dtype = "float64", suffix = "%"', ["12.5%", "7 %"], [12.5, 7]),
        ('dtype = "float64", prefix = "$"', ["$3.00", "-$4.50"], [3, -4.5]),
        ('dtype = "timestamp", unit = "s", parts = ["hour"]', ["1609459200", "1609466460"], [0, 2]),
        ('dtype = "date", unit = "excel", parts = ["year"]', ["44196", "44197"], [2020, 2021]),
        (
            'dtype = "timestamp", timezone = "America/Chicago", parts = ["hour"]',
            ["2020-07-01T23:30:00-05:00", "2020-07-01 10:00", "2020-01-01T10:00Z"],
            [23, 10, 4],
        ),
        ('dtype = "int64"', ["+1", "-0", "007", " 8", "9.0"], [1, 0, 7, 8, 9]),
        (
            'dtype = "int64", missing = "mode", missing_values = ["NA", "-"]',
            ["NA", "5", "-"],
            [5] * 3,
        ),
    ],
)
def test_cells_of_a_file(tmp_path: Path, column: str, cells: list[str], x: list[float]) -> None:
    rows, _ = built_column(tmp_path, column, cells, 'csv.missing = ["?"]')
    torch.testing.assert_close(
        torch.tensor(rows)[:, 0], torch.tensor(x, dtype=torch.float32), equal_nan=True
    )


ADULT = """
name = "adult"
kind = "tabular"
csv = { header = false, missing = ["?"] }
target = { column = "income", classes = ["<=50K", ">50K"] }
[columns]
age = { dtype = "int64" }
workclass = { dtype = "str", categories = "learn", missing = "keep" }
country = { dtype = "str", categories = "learn" }
gain = { dtype = "float64", missing = "median", missing_values = ["NA"] }
income = { dtype = "str" }
[splits.train.csv]
path = "adult.data"
"""


def test_a_space_after_each_comma(tmp_path: Path) -> None:
    (tmp_path / "adult.data").write_text(
        "39, State-gov, NA, 5, <=50K\n50, ?, US, NA, >50K\n38,Private,US, 2,<=50K\n\n"
    )
    dataset = shardmill.open(build(parse_recipe(ADULT, where="here"), tmp_path, tmp_path / "out"))
    assert isinstance(dataset, TabularDataset)
    assert dict(dataset.categories["workclass"]) == {
        "<unknown>": 0,
        "<missing>": 1,
        "Private": 2,
        "State-gov": 3,
    }
    x, y = dataset[:]
    assert x.tolist() == [[39, 3, 1, 5], [50, 1, 2, 3.5], [38, 2, 2, 2]]
    assert y.tolist() == [0, 1, 0]


MARKS = """
name = "marks"
kind = "tabular"
csv = { delimiter = ";", decimal = ",", thousands = "." }
target = { column = "y" }
[columns]
price = { dtype = "float64" }
n = { dtype = "int64" }
rate = { dtype = "float64", decimal = ".", thousands = "" }
y = { dtype = "float64", suffix = "%" }
[splits.train.csv]
path = "t.csv"
"""


def test_the_marks_of_a_file_hold_for_its_numbers(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("price;n;rate;y\n10,20;1.234;0.5;7,5%\n4,5;12,0;1234;8 %\n")
    dataset = shardmill.open(build(parse_recipe(MARKS, where="here"), tmp_path, tmp_path / "out"))
    x, y = dataset[:]
    torch.testing.assert_close(x, torch.tensor([[10.2, 1234, 0.5], [4.5, 12, 1234]]))
    assert y.tolist() == [7.5, 8]
