"""`ds.numpy()` holds the rows that the dataset reads, read-only, mapped, and without torch."""

import ctypes
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from building import build

import shardmill
from shardmill import ShardDataset
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe

ROWS = 9_000
TABLE_ROWS = 36_000  # for several shards: labels are of one byte
KINDS = ["pictures", "table", "texts"]
RECIPES = [
    """
name = "pictures"
kind = "image"
target = { classes = ["a", "b", "c"] }
splits.train = { images.path = "images", labels.path = "labels" }
splits.bare = { images.path = "images", labelled = false }
""",
    """
name = "table"
kind = "tabular"
columns = { n = { dtype = "int64" }, half = { dtype = "float64" }, y = { dtype = "int64" } }
target = { column = "y", classes = ["even", "odd"], first = 0 }
splits.train.csv.path = "table.csv"
splits.bare = { csv.path = "bare-table.csv", labelled = false }
""",
    """
name = "texts"
kind = "text"
csv = { header = false }
text = { columns = ["y", "text"], join = ["text"], tokenizer = "whitespace" }
target = { column = "y", classes = ["even", "odd"] }
splits.train.csv.path = "texts.csv"
splits.bare = { csv.path = "bare-texts.csv", labelled = false }
""",
]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`one` holds each split in one shard, `many` in several. Images are of 512 bytes."""
    folder = tmp_path_factory.mktemp("numpy")
    rng = np.random.default_rng(0)
    (folder / "images").write_bytes(encode_idx(rng.integers(0, 256, (ROWS, 16, 32), np.uint8)))
    (folder / "labels").write_bytes(encode_idx((np.arange(ROWS) % 3).astype(np.uint8)))
    table = [(n, n / 2, n % 2) for n in range(TABLE_ROWS)]
    write_csv(folder / "table.csv", "n,half,y\n", [f"{n},{h},{y}" for n, h, y in table])
    write_csv(folder / "bare-table.csv", "n,half\n", [f"{n},{h}" for n, h, _ in table])
    texts = [" ".join(f"w{n % 50 + k}" for k in range(n * 7 % 9)) for n in range(ROWS)]
    labelled = [f"{('even', 'odd')[n % 2]},{text}" for n, text in enumerate(texts)]
    write_csv(folder / "texts.csv", "", labelled)
    write_csv(folder / "bare-texts.csv", "", [f'"{text}"' for text in texts])
    for recipe in (parse_recipe(text, where="test") for text in RECIPES):
        build(recipe, folder, folder / "one", rows_per_shard=2 * TABLE_ROWS)
        build(recipe, folder, folder / "many", rows_per_shard=1)
    return folder


def write_csv(path: Path, head: str, lines: list[str]) -> None:
    path.write_text(head + "".join(f"{line}\n" for line in lines))


def open_split(
    artifacts: Path, cut: str, name: str, split: str = "train", **options: Any
) -> ShardDataset:
    ds: ShardDataset = shardmill.open(artifacts / cut / name, split, **options)
    shards = len(ds.manifest.splits[split].shards)
    assert (shards == 1) == (cut == "one")
    return ds


def fields_of(ds: ShardDataset) -> dict[str, npt.NDArray[Any]]:
    """The rows that a dataset reads, as `numpy` should have them; texts as rows of ids."""
    batch = ds[:]
    x, y = batch if ds.labelled else (batch, None)
    fields = {} if y is None else {"y": y.numpy()}
    if y is not None and ds.kind == "tabular":
        assert y.dtype == torch.int64
        fields["y"] = fields["y"].astype(np.uint8)  # as it is stored
    if ds.kind != "text":
        return fields | {"x": x.numpy()}
    rows = [ids[:length].numpy() for ids, length in zip(x.ids, x.lengths, strict=True)]
    return fields | {"x": np.array(rows, dtype=object)}


def equal(arrays: dict[str, npt.NDArray[Any]], fields: dict[str, npt.NDArray[Any]]) -> bool:
    """Say whether arrays hold these rows."""
    if "offsets" not in arrays:
        same = [np.array_equal(arrays[name], fields[name]) for name in fields]
        dtypes = [arrays[name].dtype == fields[name].dtype for name in fields]
        return arrays.keys() == fields.keys() and all(same) and all(dtypes)
    x, offsets, sizes = arrays["x"], arrays["offsets"], arrays["sizes"]
    assert arrays.keys() == {*fields, "offsets", "sizes"}
    assert [str(array.dtype) for array in (x, offsets, sizes)] == ["int32", "int64", "int32"]
    assert offsets.shape == sizes.shape == (len(fields["x"]),)
    rows = [x[start : start + size] for start, size in zip(offsets, sizes, strict=True)]
    same = [np.array_equal(a, b) for a, b in zip(rows, fields["x"], strict=True)]
    return all(same) and ("y" not in fields or np.array_equal(arrays["y"], fields["y"]))


@pytest.mark.parametrize("spans", [True, False])
@pytest.mark.parametrize("cut", ["one", "many"])
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("split", ["train", "bare"])
def test_arrays_hold_the_rows_that_are_read(
    artifacts: Path,
    name: str,
    cut: str,
    split: str,
    spans: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = fields_of(open_split(artifacts, cut, name, split))
    monkeypatch.setattr("shardmill.datasets.gather.mapped_split.can_map_spans", lambda: spans)
    ds = open_split(artifacts, cut, name, split)
    arrays = ds.numpy()
    assert equal(arrays, expected)
    assert equal(arrays, fields_of(ds))
    assert ("y" in arrays) == ds.labelled == (split == "train")


@pytest.mark.parametrize("cut", ["one", "many"])
@pytest.mark.parametrize("name", KINDS)
def test_arrays_cannot_be_made_writable(artifacts: Path, name: str, cut: str) -> None:
    for field, array in open_split(artifacts, cut, name).numpy().items():
        assert not array.flags.writeable, field
        with pytest.raises(ValueError, match="cannot set WRITEABLE flag to True"):
            array.flags.writeable = True
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("name", KINDS)
def test_copies_are_read_only_too(
    artifacts: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardmill.datasets.gather.mapped_split.can_map_spans", lambda: False)
    for cut in ("one", "many"):
        for field, array in open_split(artifacts, cut, name).numpy().items():
            assert not array.flags.writeable, field


def mapped_from_a_shard(array: npt.NDArray[Any]) -> bool:
    """Say whether the first byte of an array lies in a mapped shard."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, stop = (int(address, 16) for address in line.split()[0].split("-"))
        if start <= array.ctypes.data < stop:
            return line.endswith(".safetensors")
    return False


def owner_of(array: npt.NDArray[Any]) -> Any:
    """What holds the memory of an array, at the end of its chain of bases."""
    owner: Any = array
    while isinstance(owner, np.ndarray) and owner.base is not None:
        owner = owner.base
    return owner


@pytest.mark.parametrize("cut", ["one", "many"])
@pytest.mark.parametrize("name", KINDS)
def test_arrays_are_views_of_the_mapped_files(artifacts: Path, name: str, cut: str) -> None:
    arrays = open_split(artifacts, cut, name).numpy()
    if cut == "many":
        arrays.pop("offsets", None)  # these are added up, from those within each shard
    for field, array in arrays.items():
        assert isinstance(owner_of(array), memoryview | ctypes.Array), field
        assert not array.flags.owndata
        assert mapped_from_a_shard(array), field
    assert not mapped_from_a_shard(arrays["x"].copy())


def test_arrays_outlive_their_dataset(artifacts: Path) -> None:
    ds = open_split(artifacts, "many", "pictures")
    expected = ds[:][0].numpy()
    arrays = ds.numpy()
    del ds
    assert mapped_from_a_shard(arrays["x"])
    assert np.array_equal(arrays["x"], expected)


def test_arrays_are_as_stored_whatever_the_options(artifacts: Path) -> None:
    table = open_split(artifacts, "many", "table", drop_features=["n"])
    assert table.numpy()["x"].shape == (len(table), len(table.manifest.features))
    whole, cut = (open_split(artifacts, "many", "texts", max_tokens=n) for n in (None, 2))
    assert all(np.array_equal(a, b) for a, b in zip(*map(values, (whole, cut)), strict=True))


def values(ds: shardmill.ShardDataset) -> list[Any]:
    return [array for _, array in sorted(ds.numpy().items())]


def test_transforms_leave_arrays_alone(artifacts: Path) -> None:
    plain = open_split(artifacts, "one", "pictures").numpy()
    changed = open_split(artifacts, "one", "pictures", transform=lambda x: x.float() + 1)
    assert changed[0][0].dtype == torch.float32
    assert np.array_equal(changed.numpy()["x"], plain["x"])


@pytest.mark.parametrize("spans", [True, False])
@pytest.mark.parametrize("name", KINDS)
def test_a_split_without_rows_has_empty_arrays(
    artifacts: Path, name: str, spans: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardmill.datasets.gather.mapped_split.can_map_spans", lambda: spans)
    full = open_split(artifacts, "one", name)
    split = full.manifest.splits["train"].model_copy(update={"rows": 0, "shards": ()})
    manifest = full.manifest.model_copy(update={"splits": {"train": split}})
    ds = type(full)(full.path, manifest=manifest)
    arrays = ds.numpy()
    assert len(ds) == 0
    assert [*ds] == [*ds.loader(4)] == []
    assert {field: len(array) for field, array in arrays.items()} == dict.fromkeys(arrays, 0)
    assert arrays.keys() == full.numpy().keys()
    assert len(ds[:][1]) == 0


@pytest.mark.parametrize("name", KINDS)
def test_facts_and_arrays_need_no_torch(artifacts: Path, name: str) -> None:
    vocab = "ds.vocab, " if name == "texts" else ""
    code = (
        f"import sys, shardmill\nds = shardmill.open({str(artifacts / 'many' / name)!r})\n"
        f"facts = {vocab}ds.classes, ds.fields, ds.statistics, ds.features, repr(ds)\n"
        "print(len(ds), sum(len(array) for array in ds.numpy().values()))\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    shown, loaded = run.stdout.splitlines()
    arrays = open_split(artifacts, "many", name).numpy()
    rows = TABLE_ROWS if name == "table" else ROWS
    assert shown == f"{rows} {sum(map(len, arrays.values()))}"
    assert {"numpy", "shardmill"} <= set(loaded.split())
    assert not set(loaded.split()) & {"torch", "pandas", "pyarrow", "click", "safetensors"}
