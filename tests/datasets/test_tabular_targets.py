"""Tables: targets, and rows that programs give."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from bikes import COLUMNS, GROUPS, NAMES, TARGETS, bikes_recipe, raw_rows, write_raw
from building import build
from tables_of_bikes import ROWS, Table, same

from shardmill import Preprocessor, TabularDataset
from shardmill.errors import InputError, UnknownCategoryError
from shardmill.kinds import tabular
from shardmill.recipe.tabular_recipe import TabularRecipe


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    write_raw(folder, ROWS)
    return folder


@pytest.fixture(scope="module")
def artifact(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(bikes_recipe(), raw, tmp_path_factory.mktemp("bikes"))


@pytest.fixture(scope="module")
def plain(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One `x`, and a number for a target."""
    columns = COLUMNS.replace('returned = { dtype = "str" }', 'returned = { dtype = "bool" }')
    text = f"{columns}[target]\ncolumn = 'minutes'\n[splits.train]\ncsv.path = 'bikes.csv'\n"
    return build(bikes_recipe(text), raw, tmp_path_factory.mktemp("plain"))


def test_a_number_for_a_target(plain: Path) -> None:
    ds = TabularDataset(plain)
    assert (ds.classes, ds.groups, ds.targets) == (None, {}, {"minutes": None})
    x, y = ds[:4]
    assert (x.dtype, x.shape) == (torch.float32, (4, 14))
    assert (y.dtype, y.shape) == (torch.float32, (4,))
    same(tuple(ds[1]), (x[1], y[1]))
    assert next(iter(ds.loader(8)))[1].shape == (8,)
    with pytest.raises(ValueError, match="weights='balanced' needs rows of one class"):
        ds.loader(8, weights="balanced")
    assert "classes" not in repr(ds)


def test_balanced_needs_one_target(artifact: Path) -> None:
    with pytest.raises(ValueError, match="weights='balanced' needs rows of one class"):
        Table(artifact).loader(8, weights="balanced")


def test_hold_out_takes_its_share_of_the_first_classes(artifact: Path) -> None:
    shares = [Table(artifact, s)[:][1]["returned"].bincount() for s in ("train", "validation")]
    assert (shares[1] * 4 - (shares[0] + shares[1])).abs().max() <= 4


# Serving


def test_predictions_of_one_tensor(plain: Path, raw: Path) -> None:
    cells = pd.read_csv(raw / "bikes.csv")
    x, y = TabularDataset(plain)[:]
    kept = cells[cells["minutes"].notna()]
    same(Preprocessor.load(plain)(kept), x)
    same(y, torch.tensor(kept["minutes"].to_numpy(np.float32)))


def test_predictions_are_made_of_what_shards_hold(artifact: Path, raw: Path) -> None:
    ds = Table(artifact, "bare")
    preprocessor = Preprocessor.load(artifact)
    cells = pd.read_csv(raw / "bare.csv", dtype=str)
    same(preprocessor(cells), ds[:])
    rows = [{k: v for k, v in row.items() if v == v} for row in cells.to_dict("records")]
    same(preprocessor(rows[5:9]), ds[5:9])
    read = pd.read_csv(raw / "bare.csv")  # numbers and text as pandas guesses them
    same(preprocessor(read), ds[:])
    guessed = read.assign(
        hired=pd.to_datetime(read["hired"]),
        built=pd.to_datetime(read["built"], format="%d/%m/%Y"),
        member=read["member"].map({"Ja": True, "nein": False}),
        weather=read["weather"].astype("category"),
        holiday=read["holiday"].str.lower().isin(["yes", "true", "1"]),
    )
    same(preprocessor(guessed), ds[:])


BIKE: dict[str, Any] = {
    "hired": "2024-02-29T13:30",
    "built": "01/03/2001",
    "holiday": "no",
    "member": "ja",
    "weather": "rain",
    "station": "Nord",
    "temperature": 10,
    "wind": 3,
    "docks": 12,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hired", datetime(2024, 2, 29, 13, 30)),
        ("hired", datetime(2024, 2, 29, 13, 30, tzinfo=UTC)),
        ("hired", pd.Timestamp("2024-02-29 13:30")),
        ("hired", pd.Timestamp("2024-02-29 14:30", tz="Europe/Berlin")),
        ("hired", np.datetime64("2024-02-29T13:30:00.000000000")),
        ("built", date(2001, 3, 1)),
        ("built", datetime(2001, 3, 1)),
        ("built", np.datetime64("2001-03-01")),
        ("holiday", False),
        ("holiday", 0),
        ("holiday", 0.0),
        ("holiday", np.bool_(False)),
        ("member", True),
        ("temperature", np.float32(10)),
        ("wind", "3.0"),
        ("docks", 12.0),
    ],
)
def test_objects_instead_of_text(artifact: Path, name: str, value: object) -> None:
    preprocessor = Preprocessor.load(artifact)
    expected = preprocessor([BIKE])
    same(preprocessor([{**BIKE, name: value}]), expected)
    if not isinstance(value, np.generic):
        same(preprocessor(pd.DataFrame([{**BIKE, name: value}])), expected)


@pytest.mark.parametrize("value", [None, float("nan"), pd.NaT, pd.NA, ""])
def test_missing_objects(artifact: Path, value: object) -> None:
    preprocessor = Preprocessor.load(artifact)
    found = preprocessor([{**BIKE, "built": value, "weather": value, "wind": value}])
    assert isinstance(found, dict)
    assert found["flags"][0, 2:].tolist() == [True, False, False]
    assert found["numbers"][0, 1] == 0


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("built", datetime(2001, 3, 1, 5), None),  # its format has no time
        ("hired", "yesterday", "row 1, column hired: expected a timestamp, as 2020-12-31T23:59:00"),
        ("member", "yes", "row 1, column member: expected one of ja, nein, found 'yes'"),
        ("docks", 2**31, "row 1, column docks: expected a finite int64 that int32 can hold"),
        ("weather", "snow", "row 1, column weather: expected one of clear, rain, found 'snow'"),
    ],
)
def test_rows_that_are_refused(
    artifact: Path, name: str, value: object, message: str | None
) -> None:
    rows = [BIKE, {**BIKE, name: value}]
    preprocessor = Preprocessor.load(artifact)
    if message is None:
        assert isinstance(preprocessor(rows), dict)
        return
    with pytest.raises(InputError, match=message):
        preprocessor(rows)


def test_unseen_category_that_is_a_fault(raw: Path, tmp_path: Path) -> None:
    columns = COLUMNS.replace("min_freq = 2", 'unseen = "error"')
    split = '[splits.train.csv]\npath = "bikes.csv"\n'
    folder = build(bikes_recipe(columns + TARGETS + GROUPS + split), raw, tmp_path)
    with pytest.raises(InputError, match=r"^row 1, column station: expected one of Nord, .*'West'"):
        Preprocessor.load(folder)([BIKE, {**BIKE, "station": "West"}])


def test_a_row_that_cannot_be_encoded_is_named_with_its_split(tmp_path: Path) -> None:
    for name, rows in (("train", 20), ("test", 9_000)):  # the second shard has the last row
        cells = [f"{row},a" for row in range(rows)] + [f"{rows},{'a' if name == 'train' else 'b'}"]
        (tmp_path / f"{name}.csv").write_text("\n".join(["n,c", *cells, ""]))
    recipe = bikes_recipe(
        """
        name = "seen"
        kind = "tabular"
        columns.n = { dtype = "int64" }
        columns.c = { dtype = "str", categories = "learn", unseen = "error" }
        splits.train.csv.path = "train.csv"
        splits.test.csv.path = "test.csv"
        """
    )
    with pytest.raises(
        UnknownCategoryError,
        match=r"test-00000\.parquet, row 9000 \(from 0\), column c: expected one of a, found 'b'",
    ):
        build(recipe, tmp_path, tmp_path / "out", rows_per_shard=1)


def test_any_rows_a_shard(raw: Path, artifact: Path, tmp_path: Path) -> None:
    many = TabularDataset(build(bikes_recipe(), raw, tmp_path, rows_per_shard=1))
    same(many[:], Table(artifact)[:])


def test_encode_is_what_shards_hold(artifact: Path) -> None:
    preprocessor = Preprocessor.load(artifact)
    cells = raw_rows(20, seed=7)
    columns = {name: [row[name] or None for row in cells] for name in NAMES}
    raw = pa.table({name: pa.array(column, pa.string()) for name, column in columns.items()})
    assert isinstance(preprocessor.recipe, TabularRecipe)
    cleaned = tabular.clean(preprocessor.recipe, raw, labelled=True)
    encoded = preprocessor.encode(cleaned.table, labelled=True)
    fields = preprocessor.fields(labelled=True)
    assert list(encoded) == [field.name for field in fields]
    for field in fields:
        values = encoded[field.name]
        assert isinstance(values, np.ndarray)
        assert (values.dtype.name, values.shape[1:]) == (field.dtype, field.shape)
