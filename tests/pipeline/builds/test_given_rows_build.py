"""What can be built from, what errors say, and what is left behind."""

import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest

import shardmill
from shardmill import Preprocessor
from shardmill.errors import (
    ColumnsError,
    EmptyFileError,
    GivenRowError,
    KindOfRowsError,
    RecipeError,
    UnclearFilesError,
)

RECIPE: dict[str, Any] = {
    "name": "people",
    "kind": "tabular",
    "columns": {
        "age": {"dtype": "float64", "missing": "mean"},
        "job": {"dtype": "str", "categories": "learn", "missing": "keep"},
        "since": {"dtype": "timestamp", "parts": ["year", "hour"], "missing": "mode"},
        "count": {"dtype": "int64", "missing": "median"},
        "ok": {"dtype": "bool"},
        "rich": {"dtype": "str"},
    },
    "target": {"column": "rich", "classes": ["no", "yes"]},
}


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in a folder, with temporary files in another, which is empty again afterwards."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())


def prepared(artifact: Path, rows: Any) -> Any:
    return Preprocessor.load(artifact)(rows)


def people() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": [20.0, np.nan, 40.5, 30.0],
            "job": pd.Categorical(["cook", None, "baker", "cook"]),
            "since": [datetime(2024, 5, 3, 8), pd.NaT, datetime(1999, 1, 1, 23), pd.NaT],
            "count": pd.array([3, pd.NA, 5, 7], dtype="Int64"),
            "ok": [True, False, True, True],
            "rich": ["no", "yes", "no", "yes"],
        }
    )


def content(artifact: Path) -> dict[str, bytes]:
    files = [path for path in artifact.rglob("*") if path.is_file() and path.name != "build.json"]
    return {str(path.relative_to(artifact)): path.read_bytes() for path in files}


def test_a_dataframe_is_what_its_cells_say() -> None:
    path = shardmill.build(people(), recipe=RECIPE)
    assert path == Path("artifacts/people")
    x, y = shardmill.open(path)[:]
    assert y.tolist() == [0, 1, 0, 1]
    assert x[:, 0].tolist() == pytest.approx([20.0, 90.5 / 3, 40.5, 30.0])
    assert x[:, 1].tolist() == [3.0, 1.0, 2.0, 3.0]  # after <unknown> and <missing>: baker, cook
    assert x[0, 2:4].tolist() == [2024.0, 8.0]
    assert x[2, 2:4].tolist() == [1999.0, 23.0]
    assert x[:, 4:].tolist() == [[3.0, 1.0], [5.0, 0.0], [5.0, 1.0], [7.0, 1.0]]
    assert prepared(path, people()).equal(x)


def test_equal_rows_give_equal_bytes_however_they_come() -> None:
    frame = people()
    first = content(shardmill.build(frame, recipe=RECIPE, out="a"))
    assert content(shardmill.build(people(), recipe=RECIPE, out="b")) == first
    indexed = frame.set_index(pd.Index([9, 9, 9, 9]))
    assert content(shardmill.build(indexed, recipe=RECIPE, out="c")) == first
    table = pa.Table.from_pandas(frame)
    in_pieces = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    of_table = content(shardmill.build(table, recipe=RECIPE, out="d"))
    assert content(shardmill.build(in_pieces, recipe=RECIPE, out="e")) == of_table
    reader = pa.RecordBatchReader.from_batches(in_pieces.schema, in_pieces.to_batches())
    assert content(shardmill.build(reader, recipe=RECIPE, out="f")) == of_table


def test_all_forms_give_equal_tensors() -> None:
    frame = people()
    x, y = shardmill.open(shardmill.build(frame, recipe=RECIPE, out="a"))[:]
    for out, rows in {"b": pa.Table.from_pandas(frame), "c": frame.to_dict("records")}.items():
        again = shardmill.open(shardmill.build(rows, recipe=RECIPE, out=out))[:]
        assert again[0].equal(x)
        assert again[1].equal(y)


def test_an_iterable_is_read_once_and_as_far_as_needed() -> None:
    read: list[int] = []

    def rows() -> Iterator[dict[str, object]]:
        for number in range(5_000):
            read.append(number)
            yield {"n": number if number != 2_000 else [1], "y": "a"}

    recipe = {"name": "n", "kind": "tabular", "columns": {"n": {"dtype": "int64"}}}
    recipe["rows"] = {"other_columns": "ignore"}
    with pytest.raises(GivenRowError, match=r"rows of train, row 2000, column n: .* found a list"):
        shardmill.build(rows(), recipe=recipe)
    assert read == list(range(2_048))
    good = ({"n": n, "y": "a"} for n in range(5_000))
    assert shardmill.open(shardmill.build(good, recipe=recipe))[:].flatten().tolist() == [
        *range(5_000)
    ]


def test_splits_are_a_mapping() -> None:
    with_hold_out = RECIPE | {
        "splits": {
            "train": {"csv": {"path": "people.csv"}},
            "validation": {"hold_out": {"split": "train", "fraction": 0.5}},
            "extra": {"csv": {"path": "extra.csv"}},
            "test": {"csv": {"path": "test.csv"}, "labelled": False},
        }
    }
    unlabelled = people().drop(columns="rich")
    path = shardmill.build({"train": people(), "test": unlabelled}, recipe=with_hold_out)
    splits = shardmill.open(path).manifest.splits
    assert {name: split.rows for name, split in splits.items()} == {
        "train": 2,
        "test": 4,
        "validation": 2,
    }


def test_rows_are_divided_as_the_files_are() -> None:
    def split(value: str) -> dict[str, Any]:
        return {"csv": {"path": "all.csv", "where": {"use": value}}}

    recipe = {
        "name": "n",
        "kind": "tabular",
        "columns": {"n": {"dtype": "int64"}, "use": {"dtype": "str", "drop": True}},
        "splits": {"train": split("True"), "test": split("False")},
    }
    rows = pd.DataFrame({"n": [1, 2, 3], "use": [True, False, True]})
    path = shardmill.build(rows, recipe=recipe)
    assert shardmill.open(path)[:].tolist() == [[1.0], [3.0]]
    assert shardmill.open(path, split="test")[:].tolist() == [[2.0]]
    both = [{"path": "a.csv", "where": {"use": "True"}}, {"path": "b.csv"}]
    recipe["splits"] = {"train": {"csv": both}}
    with pytest.raises(RecipeError, match=r"splits\.train: expected the same where for all"):
        shardmill.build(rows, recipe=recipe)


def test_a_shipped_recipe_takes_rows(tmp_path: Path) -> None:
    row = {"Survived": 1, "Pclass": 3, "Name": "A", "Sex": "male", "Age": 22, "SibSp": 1}
    row |= {"PassengerId": 1, "Parch": 0, "Ticket": "A", "Fare": 7.25, "Cabin": None}
    rows = pd.DataFrame([row | {"Embarked": "S"}] * 12)
    path = shardmill.build(rows, recipe="titanic")
    assert shardmill.open(path)[0][1] == 1
    assert path.name == "titanic"


def test_a_recipe_is_made_for_rows_without_one() -> None:
    frame = pd.concat([people()] * 10, ignore_index=True).assign(id=range(40))
    with pytest.warns(UserWarning, match="people: columns.id: .* most likely an identifier"):
        path = shardmill.build(frame, name="people", target="rich")
    ds = shardmill.open(path)
    assert ds.features is not None
    assert {"age", "job=cook", "since.year", "count", "ok"} <= {*ds.features}
    assert {"train", "validation", "test"} == set(ds.manifest.splits)
    again = shardmill.build(frame, recipe=ds.manifest.recipe, out="again")
    assert shardmill.open(again)[:][0].equal(ds[:][0])
    with pytest.warns(UserWarning, match="drawn from train, as there are no rows called test"):
        of_dicts = shardmill.build(
            iter(frame.to_dict("records")), name="people", target="rich", out="c"
        )
    assert shardmill.open(of_dicts)[:][0].equal(ds[:][0])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, RecipeError, "found neither; give recipe="),
        ({"recipe": RECIPE, "name": "a"}, RecipeError, "leave name and target out"),
        (
            {"name": "a", "target": "reich"},
            UnclearFilesError,
            "rows of train: .* did you mean rich",
        ),
        ({"name": "../a", "target": "rich"}, RecipeError, "name: must be up to 64"),
        ({"recipe": "people.toml"}, RecipeError, "readable TOML file"),
        ({"recipe": "mnist"}, KindOfRowsError, "found one of images"),
        ({"recipe": {"kind": "image"}}, KindOfRowsError, "numpy.save"),
    ],
)
def test_what_is_asked_for_must_fit(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        shardmill.build(people(), **options)


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ("people.csv", GivenRowError, "an iterable of dicts, found str"),
        (5, GivenRowError, "found int"),
        ([(1, 2)], GivenRowError, "rows of train, row 0: expected a dict of cells, found tuple"),
        ([], EmptyFileError, "the rows of train: expected at least one row, found none"),
        (people()[:0], EmptyFileError, "found none"),
        (people().drop(columns="age"), ColumnsError, "the rows of train: .* without age"),
        (people().assign(more=1), ColumnsError, "with 'more' besides"),
        (
            people().assign(age=pd.Series([[1]] * 4, dtype="object")),
            GivenRowError,
            "row 0, column age: .* found a list",
        ),
        (people().assign(age="x"), shardmill.ValueFormatError, "the rows of train, row 0"),
        ({"train": people(), "../x": people()}, RecipeError, "splits"),
    ],
)
def test_rows_must_be_rows(rows: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        shardmill.build(rows, recipe=RECIPE)
    assert not Path("artifacts/people/manifest.json").exists()


def test_an_interrupt_leaves_nothing_behind() -> None:
    def rows() -> Iterator[dict[Any, Any]]:
        yield from people().to_dict("records") * 1_000
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shardmill.build(rows(), recipe=RECIPE)
    with pytest.raises(KeyboardInterrupt):
        shardmill.build(rows(), name="people", target="rich")


def test_a_second_build_does_nothing_and_force_does(scratch: Path) -> None:
    path = shardmill.build(people(), recipe=RECIPE)
    before = (path / "manifest.json").stat().st_mtime_ns
    shardmill.build(people(), recipe=RECIPE)
    assert (path / "manifest.json").stat().st_mtime_ns == before
    shardmill.build(people(), recipe=RECIPE, force=True)
    assert (path / "manifest.json").stat().st_mtime_ns > before
    assert not any(str(scratch).encode() in data for data in content(path).values())


def test_a_data_set_of_hugging_face() -> None:
    datasets = pytest.importorskip("datasets", reason="needs Hugging Face datasets")
    if not hasattr(datasets, "Dataset"):  # the folder of this name is found in its place
        pytest.skip("needs Hugging Face datasets")
    rows = people().astype({"job": "object"})
    train = datasets.Dataset.from_pandas(rows)
    x, _ = shardmill.open(shardmill.build(people(), recipe=RECIPE, out="a"))[:]
    splits = datasets.DatasetDict({"train": train, "test": train.select([2, 0])})
    path = shardmill.build(splits, recipe=RECIPE, out="b")
    assert shardmill.open(path)[:][0].equal(x)
    assert shardmill.open(path, split="test")[:][0].equal(x[[2, 0]])
    streamed = shardmill.build(train.to_iterable_dataset(), recipe=RECIPE, out="c")
    assert shardmill.open(streamed)[:][0].equal(x)
    doubled = train.with_transform(lambda b: {**b, "age": [2 * (a or 0) for a in b["age"]]})
    found = shardmill.open(shardmill.build(doubled, recipe=RECIPE, out="d"))[:][0]
    assert found[:, 0].tolist() == [40.0, 0.0, 81.0, 60.0]
