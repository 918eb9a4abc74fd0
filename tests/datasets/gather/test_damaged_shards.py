"""Shards whose values lead outside are refused when rows are gathered, however they are mapped."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from building import build
from changed_tensors import Change, change_tensor, put
from fuzz_bases import MANY_TEXTS, SHARD_ROWS

import shardmill
from shardmill.datasets.gather import span
from shardmill.errors import DamagedFileError, ManifestError
from shardmill.recipe.load_recipe import parse_recipe


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Return an artifact of three shards. The rows have 0, 1, 2 or 3 tokens in turn."""
    lines = [f"{['no', 'yes'][n % 2]},{' '.join('abc'[: n % 4])}" for n in range(5_000)]
    (tmp_path / "many.csv").write_text("\n".join(lines) + "\n")
    return build(parse_recipe(MANY_TEXTS, where="texts"), tmp_path, tmp_path, SHARD_ROWS)


@pytest.mark.parametrize("spans", [True, False])
@pytest.mark.parametrize("layout", ["padded", "bag", "jagged"])
@pytest.mark.parametrize(
    ("tensor", "change"),
    [
        ("x.offsets", put(2, -1)),
        ("x.offsets", put(2, -(2**40))),
        ("x.offsets", put(2, 2**40)),
        ("x.offsets", put(2, 2**63 - 1)),
        ("x.sizes", put(2, -1)),
        ("x.sizes", put(2, 2**31 - 1)),
    ],
)
def test_places_outside(
    texts: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    tensor: str,
    change: Change,
    layout: str,
    spans: bool,
) -> None:
    monkeypatch.setattr("shardmill.datasets.gather.mapped_split.can_map_spans", lambda: spans)
    change_tensor(texts, tensor, change)
    options: dict[str, Any] = {"layout": layout}
    ds: Any = shardmill.open(texts, **options)
    message = r"train-00000\.safetensors: expected rows of up to 3 ids .*found row 2 of the split"
    for rows in ([0, 2, 1], slice(0, 9), slice(2, 3), 2):
        with pytest.raises(DamagedFileError, match=message):
            ds[rows]
    with pytest.raises(DamagedFileError, match=message):
        list(ds.loader(batch_size=4))
    assert len(ds[3:9]) == 2  # other rows can be read


def test_rows_without_tokens_and_a_negative_size(texts: Path) -> None:
    change_tensor(texts, "x.sizes", put(4, -1))  # the row has no token
    with pytest.raises(DamagedFileError, match="found row 4 of the split with -1 ids"):
        shardmill.open(texts)[[0, 4]]


@pytest.mark.parametrize("label", [2, 2**40, -1])
def test_labels_that_are_no_class(texts: Path, label: int) -> None:
    change_tensor(texts, "y", put(0, label))
    ds = shardmill.open(texts)
    with pytest.raises(DamagedFileError, match=f"expected targets from 0 to 1, found {label};"):
        ds.loader(weights="balanced")


def test_sizes_are_looked_at_before_they_are_reserved(
    texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = texts / "manifest.json"
    facts = json.loads(path.read_bytes())
    train = facts["splits"]["train"]
    last = train["shards"][-1]
    for longest, values in ((3, last["values"]["x"] + 4_096), (2**50, 2**52)):
        values_before, bytes_before = last["values"]["x"], last["bytes"]
        grown = (values - values_before) * 4 // 16_384 * 16_384
        last.update(values={"x": values}, longest={"x": longest}, bytes=bytes_before + grown)
        path.write_text(json.dumps(facts))
        reserved: list[int] = []
        monkeypatch.setattr(span, "reserve", reserved.append)
        with pytest.raises((DamagedFileError, ManifestError)):
            shardmill.open(texts).numpy()
        assert sum(reserved) < 2**32
        last.update(values={"x": values_before}, bytes=bytes_before)


def test_advice_stays_inside_its_span() -> None:
    (memory,) = span.map_spans([4_096], [])
    for start, stop in ((-(2**70), 2**70), (2**50, 2**51), (-5, 3)):
        span.advise(memory, start, stop, "will_need")
    assert torch.frombuffer(memory, dtype=torch.uint8).sum() == 0
