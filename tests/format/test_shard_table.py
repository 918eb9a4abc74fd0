"""Tables of shards: what they hold, and each way in which one can be wrong."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xxhash
from hypothesis import given, settings, strategies as st
from loaded_modules import loaded_after
from manifests import make_manifest, train_of

from shardmill.errors import DamagedFileError, FormatVersionError, ManifestError
from shardmill.format import shard_table
from shardmill.format.file_record import FileRecord, ShardRecord
from shardmill.format.layout import Field
from shardmill.format.manifest import Manifest
from shardmill.format.shard_table import (
    ShardTable,
    columns_of,
    counts_of,
    encode_table,
    read_table,
)

Tensors = dict[str, Any]

NAME = "g1/train.shards.safetensors"


def write_table(folder: Path, content: bytes, name: str = NAME) -> FileRecord:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    digest = xxhash.xxh3_128_hexdigest(content)
    return FileRecord(path=name, bytes=len(content), xxh3_128=digest)


def load_with(folder: Path, content: bytes, change: Callable[[Any], object] = id) -> Manifest:
    """Load the manifest whose train split has a table with some content."""
    record = write_table(folder, content)
    facts = json.loads(make_manifest().to_json())
    train_of(facts)["shards"] = record.model_dump()
    change(facts)
    (folder / "manifest.json").write_text(json.dumps(facts))
    return Manifest.load(folder)


def sound() -> Tensors:
    """The tensors of the table of the train split of `make_manifest`."""
    split = make_manifest().splits["train"]
    counts = counts_of(split.shards, split.fields)
    digests = np.array([list(bytes.fromhex(s.xxh3_128)) for s in split.shards], np.uint8)
    tensors: Tensors = {"bytes": counts.bytes, "rows": counts.rows, "xxh3_128": digests}
    return tensors | {"values.x": counts.values["x"], "longest.x": counts.longest["x"]}


def encode(tensors: Mapping[str, Any]) -> bytes:
    """Any tensors as safetensors, without the padding of the header that shardmill writes."""
    header, data = {}, b""
    for name, tensor in tensors.items():
        offsets = [len(data), len(data) + tensor.nbytes]
        dtype = {"int64": "I64", "uint8": "U8", "int32": "I32"}[tensor.dtype.name]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": offsets}
        data += tensor.tobytes()
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def test_a_table_says_what_a_list_says(tmp_path: Path) -> None:
    listed = make_manifest().splits["train"]
    loaded = load_with(tmp_path, encode_table(*columns_of(listed.shards, listed.fields)))
    table = loaded.splits["train"].shards
    assert isinstance(table, ShardTable)
    assert tuple(table) == listed.shards
    assert [table[at] for at in (0, -1)] == [listed.shards[0], listed.shards[-1]]
    assert table[1:] == listed.shards[1:]
    for outside in (3, -4):
        with pytest.raises(IndexError, match="of 3"):
            table[outside]
    assert loaded.splits["train"].unknown() == listed.unknown()
    paths = [file.path for file in loaded.files()]
    assert set(paths) - {file.path for file in make_manifest().files()} == {NAME}
    assert loaded.to_json() == (Manifest.load(tmp_path)).to_json()
    again = json.loads(loaded.to_json())["splits"]["train"]["shards"]
    assert again == {"path": NAME, **{k: again[k] for k in ("bytes", "xxh3_128")}}


@settings(deadline=None)
@given(data=st.data(), shards=st.integers(0, 6), unknown=st.sets(st.text(max_size=5), max_size=2))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, data: Any, shards: int, unknown: set[str]
) -> None:
    numbers = st.integers(0, 2**63 - 1)
    counts = st.fixed_dictionaries({"x.a": numbers, "x.b": numbers})
    records = tuple(
        ShardRecord(
            path=f"g/train-{at:05d}.safetensors",
            bytes=data.draw(numbers),
            xxh3_128=data.draw(st.binary(min_size=16, max_size=16)).hex(),
            rows=data.draw(st.integers(1, 2**63 - 1)),
            values=data.draw(counts),
            longest=data.draw(counts),
            unknown={name: data.draw(numbers) for name in unknown - {""}},
        )
        for at in range(shards)
    )
    fields = [Field.input("int32", ragged=True, group=name) for name in ("a", "b")]
    content = encode_table(*columns_of(records, fields))
    assert content == encode_table(*columns_of(records, fields))
    folder = tmp_path_factory.mktemp("table")
    record = write_table(folder, content, "g/train.shards.safetensors")
    assert tuple(read_table(folder, record)) == records
    assert tuple(ShardTable(record, *columns_of(records, fields))) == records
    assert read_table(folder, record) == ShardTable(record, *columns_of(records, fields))


@pytest.mark.parametrize("held", [1, 2, 5, 1_000])
def test_columns_of_records_that_come_one_by_one(
    monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr(shard_table, "_RECORDS", held)
    unknown: list[dict[str, int]] = [{}, {"b": 1}, {}, {"a": 2}, {"a": 3, "b": 4}]
    records = [
        ShardRecord(
            path=f"g/train-{at:05d}.safetensors",
            bytes=at,
            xxh3_128=f"{at:032x}",
            rows=at + 1,
            values={"x": at + 2},
            longest={"x": at + 3},
            unknown=counts,
        )
        for at, counts in enumerate(unknown)
    ]
    fields = [Field.input("int32", ragged=True)]
    counts, digests = columns_of(iter(records), fields)
    assert [row.tobytes().hex() for row in digests] == [record.xxh3_128 for record in records]
    listed = counts_of(records, fields)
    assert (counts.bytes.tolist(), counts.rows.tolist()) == ([0, 1, 2, 3, 4], [1, 2, 3, 4, 5])
    for kind in ("values", "longest", "unknown"):
        joined, expected = getattr(counts, kind), getattr(listed, kind)
        assert list(joined) == list(expected)
        assert all(np.array_equal(joined[name], expected[name]) for name in expected)
    assert {name: each.tolist() for name, each in counts.unknown.items()} == {
        "a": [0, 0, 0, 2, 3],
        "b": [0, 1, 0, 0, 4],
    }


def put(name: str, at: Any, value: Any) -> Callable[[Tensors], object]:
    """Return a change of one element of a tensor."""
    return lambda tensors: tensors[name].__setitem__(at, value)


def replace(**tensors: Any) -> Callable[[Tensors], object]:
    """Return a change that puts other tensors in place; `__` stands for a dot."""
    return lambda old: old.update({k.replace("__", "."): v for k, v in tensors.items()})


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda t: t.pop("rows"), "the table lacks rows"),
        (lambda t: t.pop("values.x"), "must count the values of each ragged field"),
        (replace(values__y=np.ones(3, np.int64)), "must count the values of each ragged field"),
        (replace(more=np.ones(3, np.int64)), "no tensor of a table is called more"),
        (replace(unknown__=np.ones(3, np.int64)), r"no tensor of a table is called unknown\."),
        (replace(rows=np.ones(3, np.int32)), r"rows: a table has I64 of shape \['shards'\]"),
        (replace(rows=np.ones((3, 1), np.int64)), "rows: a table has I64"),
        (replace(xxh3_128=np.ones((3, 8), np.uint8)), "xxh3_128: a table has U8"),
        (replace(rows=np.ones(2, np.int64)), "a row for each shard"),
        (put("bytes", 1, -1), "counts are from 0 on"),
        (put("values.x", 1, -(2**63)), "counts are from 0 on"),
        (put("rows", 0, 4_095), "only the last shard may hold another number of rows"),
        (put("rows", 2, 0), "only the last shard may hold another number of rows"),
        (put("rows", 2, 4_097), "only the last shard may hold another number of rows"),
        (put("rows", 2, 807), "the shards hold 8,999 rows, not 9,000"),
        (put("longest.x", 1, 1), "shard 1: 4,096 rows of at most 1 values do not hold 40,960"),
        (put("longest.x", 1, 2**62), "shard 1: 4,096 rows of at most .* do not hold 40,960"),
        (put("values.x", 1, 2**63 - 1), "shard 1: 4,096 rows of at most 12 values"),
    ],
)
def test_tables_that_break_the_format(
    tmp_path: Path, change: Callable[[Tensors], object], fault: str
) -> None:
    tensors = sound()
    assert len(load_with(tmp_path, encode(tensors)).splits["train"].shards) == 3
    change(tensors)
    with pytest.raises(ManifestError, match=rf"splits\.train.*{fault}"):
        load_with(tmp_path, encode(tensors))


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content[:-1] + b"?",
        lambda content: (2**60).to_bytes(8, "little") + content[8:],
    ],
)
def test_damaged_tables(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    content = encode(sound())
    load_with(tmp_path, content)
    (tmp_path / NAME).write_bytes(damage(content))
    with pytest.raises(DamagedFileError, match=r"train\.shards\.safetensors"):
        Manifest.load(tmp_path)
    (tmp_path / NAME).unlink()
    with pytest.raises(DamagedFileError, match="No such file"):
        Manifest.load(tmp_path)
    with pytest.raises(DamagedFileError, match="a header that fits in the file"):
        load_with(tmp_path, (2**60).to_bytes(8, "little") + content[8:])


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        ({"path": "../train.shards.safetensors"}, r"shards.*path: must be relative"),
        ({"path": "/etc/train.shards.safetensors"}, r"shards.*path: must be relative"),
        ({"bytes": -1}, r"shards.*bytes: Input should be greater"),
        ({"more": 1}, "more: unknown key"),
    ],
)
def test_records_of_tables_that_are_none(
    tmp_path: Path, facts: Mapping[str, Any], fault: str
) -> None:
    with pytest.raises(ManifestError, match=fault):
        load_with(tmp_path, encode(sound()), lambda m: train_of(m)["shards"].update(facts))


def test_a_table_of_another_name(tmp_path: Path) -> None:
    write_table(tmp_path, encode(sound()), "g1/other.safetensors")
    with pytest.raises(ManifestError, match=r"called <split>\.shards\.safetensors"):
        load_with(
            tmp_path,
            encode(sound()),
            lambda m: train_of(m)["shards"].update(path="g1/other.safetensors"),
        )


def test_a_newer_version_is_told_before_its_table_is_read(tmp_path: Path) -> None:
    def change(manifest: Any) -> None:
        manifest["version"] = 2
        train_of(manifest)["shards"]["path"] = "g1/gone.shards.safetensors"

    with pytest.raises(FormatVersionError):
        load_with(tmp_path, encode(sound()), change)


def test_reading_a_table_imports_no_arrow(tmp_path: Path) -> None:
    load_with(tmp_path, encode(sound()))
    read = f"Manifest.load({str(tmp_path)!r}).splits['train'].shards[2]"
    loaded = loaded_after(f"from shardmill import Manifest\n{read}")
    assert "numpy" in loaded
    assert not loaded & {"pyarrow", "pandas", "torch"}
