"""Tables as tensors by group and by target: read, served, joined, and as torch takes them."""

import multiprocessing
import pickle
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from bikes import BIKES, COLUMNS, GROUPS, NAMES, TARGETS, bikes_recipe, raw_rows, write_raw
from building import build
from torch import Tensor
from torch.utils.data import DataLoader

import shardmill
from shardmill import Preprocessor, TabularDataset
from shardmill.errors import AgreementError, InputError, UnknownCategoryError
from shardmill.kinds import tabular
from shardmill.recipe.tabular_recipe import TabularRecipe

ROWS = 300
Table = TabularDataset[Any]  # its `x` is a dict of tensors, or what a transform makes of it
GROUP_NAMES = ["times", "numbers", "flags", "places", "docks"]


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


def same(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, Mapping):
        assert list(found) == list(expected)
        for name in expected:
            same(found[name], expected[name])
    elif isinstance(expected, tuple | list):
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    else:
        torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


def test_facts(artifact: Path) -> None:
    ds = Table(artifact)
    assert [field.name for field in ds.fields] == [
        *(f"x.{group}" for group in GROUP_NAMES),
        "y.minutes",
        "y.returned",
    ]
    assert ds.classes is None
    assert ds.targets == {"minutes": None, "returned": ("no", "yes")}
    assert list(ds.groups) == GROUP_NAMES
    assert ds.groups["numbers"] == ("temperature", "wind", "built")
    assert ds.categories == {"station": {"<unknown>": 0, "Nord": 1, "Ost": 2, "Süd": 3}}
    assert (ds.encoder, ds.decoder) == ({}, {})
    assert "x.docks int32 [1]" in repr(ds)
    assert "minutes" in ds.statistics


def test_rows_and_batches(artifact: Path) -> None:
    ds = Table(artifact)
    x, y = ds[:7]
    assert {name: (values.dtype, values.shape) for name, values in x.items()} == {
        "times": (torch.int16, (7, 3)),
        "numbers": (torch.float32, (7, 3)),
        "flags": (torch.bool, (7, 5)),
        "places": (torch.uint8, (7, 1)),
        "docks": (torch.int32, (7, 1)),
    }
    assert {name: (values.dtype, values.shape) for name, values in y.items()} == {
        "minutes": (torch.float32, (7,)),
        "returned": (torch.int64, (7,)),
    }
    for row in range(7):
        one = {name: values[row] for name, values in x.items()}
        same(tuple(ds[row]), (one, {name: values[row] for name, values in y.items()}))
    same(ds[[3, 1]], ({n: v[[3, 1]] for n, v in x.items()}, {n: v[[3, 1]] for n, v in y.items()}))
    assert len(list(ds)) == len(ds)


def test_arrays_are_what_batches_hold(artifact: Path) -> None:
    ds = Table(artifact, "validation")
    arrays = ds.numpy()
    x, y = ds[:]
    assert list(arrays) == [f"x.{name}" for name in x] + [f"y.{name}" for name in y]
    for name, values in [*x.items(), *y.items()]:
        stored = arrays.get(f"x.{name}", arrays.get(f"y.{name}"))
        assert stored is not None
        np.testing.assert_array_equal(stored, values.numpy())


def test_split_without_targets(artifact: Path) -> None:
    ds = Table(artifact, "bare")
    assert not ds.labelled
    same(ds[2], {name: values[2] for name, values in ds[:3].items()})
    whole = DataLoader(ds, batch_size=3)
    same(next(iter(whole)), ds[:3])
    sampled = DataLoader(ds, batch_sampler=[[4, 0]])
    same(next(iter(sampled)), ds[[4, 0]])


@pytest.mark.parametrize("options", [{}, {"num_workers": 1}, {"prefetch": 2}])
def test_loader(artifact: Path, options: dict[str, Any]) -> None:
    ds = Table(artifact)
    if "num_workers" in options:
        options = {**options, "multiprocessing_context": multiprocessing.get_context("fork")}
    batches = list(ds.loader(64, shuffle=True, seed=3, **options))
    order = torch.cat(list(ds.loader(64, shuffle=True, seed=3).batch_sampler))  # type: ignore[arg-type]
    x, y = ds[order]
    same({n: torch.cat([batch[0][n] for batch in batches]) for n in x}, x)
    same({n: torch.cat([batch[1][n] for batch in batches]) for n in y}, y)


def test_torchs_own_loader(artifact: Path) -> None:
    ds = Table(artifact)
    same(list(next(iter(DataLoader(ds, batch_size=5)))), list(ds[:5]))
    rows = next(
        iter(DataLoader(ds, batch_size=5, collate_fn=lambda rows: [tuple(r) for r in rows]))
    )
    same(rows, [tuple(ds[row]) for row in range(5)])
    copied = pickle.loads(pickle.dumps(ds))
    same(copied[:5], ds[:5])


def total(x: Mapping[str, Tensor]) -> Tensor:
    return x["numbers"].sum(-1) + x["docks"].sum(-1)


def test_transforms(artifact: Path) -> None:
    ds = Table(artifact)
    x, y = ds[:5]
    for per_row in (False, True):
        options: dict[str, Any] = {"target_transform": lambda y: y["minutes"], "per_row": per_row}
        summed = Table(artifact, transform=total, **options)
        same(summed[:5], (total(x), y["minutes"]))
        same(tuple(summed[4]), (total(x)[4], y["minutes"][4]))
        some = Table(artifact, transform=lambda x: {"w": x["docks"] * 2}, per_row=per_row)
        same(some[:5], ({"w": x["docks"] * 2}, y))
        assert list(some[:0][1]) == ["minutes", "returned"]


def test_features_that_are_dropped(artifact: Path) -> None:
    ds = Table(artifact)
    some = Table(artifact, drop_features=["wind", "station", "weather=rain", "member"])
    assert "wind" not in some.features
    assert some.groups["numbers"] == ("temperature", "built")
    assert some.groups["flags"] == ("holiday", "weather=<missing>", "weather=clear")
    x, _ = ds[:9]
    del x["places"]
    x["numbers"], x["flags"] = x["numbers"][:, [0, 2]], x["flags"][:, [0, 2, 3]]
    same(some[:9][0], x)
    with pytest.raises(
        ValueError, match="no feature 'weather=rains' to drop; did you mean weather"
    ):
        Table(artifact, drop_features=["weather=rains"])


def test_joined(artifact: Path, raw: Path, tmp_path: Path) -> None:
    train, validation = (Table(artifact, split) for split in ("train", "validation"))
    both = shardmill.concat([train, validation])
    rows = [0, len(train) + 3, 5, len(train)]
    (a, ya), (b, yb) = train[[0, 5]], validation[[3, 0]]
    expected = {n: torch.stack([a[n][0], b[n][0], a[n][1], b[n][1]]) for n in a}
    targets = {n: torch.stack([ya[n][0], yb[n][0], ya[n][1], yb[n][1]]) for n in ya}
    same(both[rows], (expected, targets))
    mixed = shardmill.mix({train: 1, validation: 1}, rows=50)
    assert sum(len(y["minutes"]) for _, y in mixed.loader(16)) == 50
    same(
        both.reader.targets()["minutes"],
        torch.cat([train[:][1]["minutes"], validation[:][1]["minutes"]]),
    )
    text = BIKES.replace('[splits.validation]\nhold_out = { split = "train", fraction = 0.25 }', "")
    other = TabularDataset(build(bikes_recipe(text), raw, tmp_path))
    with pytest.raises(AgreementError, match=r"expected scales .*temperature"):
        shardmill.concat([train, other])


def test_a_number_for_a_target(plain: Path) -> None:
    ds = TabularDataset(plain)
    assert (ds.classes, ds.groups, ds.targets) == (None, {}, {"minutes": None})
    x, y = ds[:4]
    assert (x.dtype, x.shape) == (torch.float32, (4, 14))
    assert (y.dtype, y.shape) == (torch.float32, (4,))
    same(tuple(ds[1]), (x[1], y[1]))
    assert next(iter(ds.loader(8)))[1].shape == (8,)
    with pytest.raises(ValueError, match="weights='balanced' needs classes"):
        ds.loader(8, weights="balanced")
    assert "classes" not in repr(ds)


def test_balanced_needs_one_target(artifact: Path) -> None:
    with pytest.raises(ValueError, match="weights='balanced' needs classes"):
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
