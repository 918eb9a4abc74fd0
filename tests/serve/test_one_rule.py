"""Builds, predictions and programs take the same cells, and make the same features of them."""

import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from building import build
from hypothesis import HealthCheck, given, reject, settings, strategies as st
from random_columns import RandomColumn, cells_for, columns

import shardmill
from shardmill import Preprocessor
from shardmill.errors import InputError, RecipeError
from shardmill.raw.row_source import BadPlace
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.serve.raw_batches import batches_of_file

# The features of each row that is taken, by its number.
Taken = dict[int, list[float]]
Row = tuple[int, str, str]  # its number, its cell, and its label

# Targets, and the class of each label.
TARGETS = [
    (
        "str",
        'classes = ["no", "yes"], spellings = { yes = ["Ja."] }',
        {"no": 0, " yes": 1, "Ja.": 1},
    ),
    ("str", 'classes = ["a", "b"], first = 1', {"1": 0, " 02": 1, "2.0": 1}),
    ("int64", 'classes = ["0", "1"]', {"0": 0, "1.0": 1, "+1": 1}),
]
Labels = tuple[str, str, dict[str, int]]


def recipe_of(column: RandomColumn, target: Labels, delimiter: str, on_bad_row: str) -> str:
    allowed = ", max_bad_rows = 1" if on_bad_row == "quarantine" else ""
    groups = ""
    if column.group is not None:
        groups = f'[groups]\nn = ["n"]\nc = {{ columns = ["c"], dtype = "{column.group}" }}'
    return f"""
name = "t"
kind = "tabular"
target = {{ column = "y", {target[1]} }}
csv = {{ delimiter = "{delimiter}", missing = ["?"], on_bad_row = "{on_bad_row}"{allowed} }}
splits.train.csv.path = "train.csv"
splits.test = {{ csv.path = "test.csv", optional = true }}
[columns]
n = {{ dtype = "int64" }}
c = {column.toml()}
y = {{ dtype = "{target[0]}" }}
{groups}
"""


def write(path: Path, rows: Sequence[Row], delimiter: str, columns: int = 3) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows(row[:columns] for row in [("n", "c", "y"), *rows])
    return path


def features(x: Any) -> Taken:
    """Return the features of rows, by the number that is the first one."""
    parts = list(x.values()) if isinstance(x, dict) else [x]
    rows = torch.cat([part.double() for part in parts], dim=1).tolist()
    return {int(row[0]): row[1:] for row in rows}


def built(
    folder: Path, recipe: str, rows: Sequence[Row], delimiter: str, classes: dict[str, int]
) -> Taken:
    """Return the rows that a build takes."""
    write(folder / "test.csv", rows, delimiter)
    artifact = build(parse_recipe(recipe, where="here"), folder, folder / "tested")
    test: Any = shardmill.open(artifact, split="test")
    x, y = test[:]
    found = features(x)
    labels = {number: label for number, _, label in rows}
    assert y.tolist() == [classes[labels[number]] for number in found]
    return found


def predicted(preprocessor: Preprocessor, path: Path, count: int) -> Taken:
    """Return the rows that get a prediction. The others are reported, each once."""
    found: Taken = {}
    bad: list[BadPlace] = []
    rows = 0
    for batch in batches_of_file(preprocessor, path, 5, on_bad=bad.append):
        found |= features(batch.x)
        rows += len(batch.rows)
    assert len(found) == rows
    assert len(found) + len(bad) == count
    return found


def given_alone(preprocessor: Preprocessor, row: dict[str, Any]) -> Taken:
    try:
        return features(preprocessor([row]))
    except InputError:
        return {}


def same(found: Taken, expected: Taken) -> None:
    assert found.keys() == expected.keys()
    for row, values in expected.items():
        torch.testing.assert_close(
            torch.tensor(found[row], dtype=torch.float64),
            torch.tensor(values, dtype=torch.float64),
            rtol=0,
            atol=0,
            equal_nan=True,
        )


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), columns)
def test_rows_that_pandas_has_read(data: st.DataObject, column: RandomColumn) -> None:
    cells = [*column.good]
    if column.keys["missing"] not in ("error", "drop") and data.draw(st.booleans()):
        cells.append(data.draw(st.sampled_from(["?", *column.keys.get("missing_values", ())])))
    cells = data.draw(st.permutations(cells))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [(number, cell, "no") for number, cell in enumerate(cells)]
        path = write(folder / "train.csv", rows, ",")
        try:
            recipe = parse_recipe(recipe_of(column, TARGETS[0], ",", "fail"), where="here")
        except RecipeError:
            reject()
        artifact = build(recipe, folder, folder / "out")
        train: Any = shardmill.open(artifact)
        frame = pd.read_csv(path, na_values=["?"], keep_default_na=False)
        given: Any = Preprocessor.load(artifact)(frame)
        same(features(given), features(train[:][0]))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), columns, st.sampled_from(TARGETS), st.sampled_from([",", ";", "\t"]))
def test_the_same_cells_are_taken_everywhere(
    data: st.DataObject, column: RandomColumn, target: Labels, delimiter: str
) -> None:
    cells = data.draw(st.lists(cells_for(column), min_size=4, max_size=16))
    labels = [*target[2]]
    rows = [(n, c, labels[n % len(labels)]) for n, c in enumerate([column.good[0], *cells])]
    train = [(n, c, labels[0]) for n, c in enumerate(column.good)]
    recipe = recipe_of(column, target, delimiter, "quarantine")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "train.csv", train, delimiter)
        try:
            artifact = build(parse_recipe(recipe, where="here"), folder, folder / "out")
        except RecipeError:
            reject()
        preprocessor = Preprocessor.load(artifact)
        alone: Taken = {}
        for n, cell, _ in rows:
            alone |= given_alone(preprocessor, {"n": str(n), "c": cell})
        path = write(folder / "new.csv", rows, delimiter, data.draw(st.sampled_from([2, 3])))
        same(predicted(preprocessor, path, len(rows)), alone)
        try:
            same(built(folder, recipe, rows, delimiter, target[2]), alone)
        except InputError:  # a category that was not learnt, or a number that is too large
            found: Taken = {}
            for row in rows:
                try:
                    found |= built(folder, recipe, [row], delimiter, target[2])
                except InputError:
                    continue
            same(found, alone)
