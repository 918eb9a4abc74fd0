"""Tables as tensors by group and by target: read, served, joined, and as torch takes them."""

import multiprocessing
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bikes import BIKES, bikes_recipe, write_raw
from building import build
from tables_of_bikes import ROWS, Table, same
from torch import Tensor
from torch.utils.data import DataLoader

import shardmill
from shardmill import TabularDataset
from shardmill.errors import AgreementError

GROUP_NAMES = ["times", "numbers", "flags", "places", "docks"]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    write_raw(folder, ROWS)
    return folder


@pytest.fixture(scope="module")
def artifact(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(bikes_recipe(), raw, tmp_path_factory.mktemp("bikes"))


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
        both.reader.targets(0, len(both))["minutes"],
        torch.cat([train[:][1]["minutes"], validation[:][1]["minutes"]]),
    )
    text = BIKES.replace('[splits.validation]\nhold_out = { split = "train", fraction = 0.25 }', "")
    other = TabularDataset(build(bikes_recipe(text), raw, tmp_path))
    with pytest.raises(AgreementError, match=r"expected scales .*temperature"):
        shardmill.concat([train, other])
