"""manifest.json: round trip, canonical bytes, and every way of being refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shardmill.errors import FormatVersionError, ManifestError, MissingArtifactError
from shardmill.format.layout import Field
from shardmill.format.manifest import (
    FileRecord,
    Manifest,
    ParquetRecord,
    ShardRecord,
    SplitRecord,
    Statistics,
    VocabularyRecord,
)

XXH3 = "0123456789abcdef" * 2
SHA256 = "0123456789abcdef" * 4


def make_manifest() -> Manifest:
    train = SplitRecord(
        rows=9_000,
        labelled=True,
        parquet=(ParquetRecord(path="g1/train.parquet", bytes=70, xxh3_128=XXH3, rows=9_000),),
        dropped={"Age is missing": 2},
        rejected=1,
        left_out=(
            ParquetRecord(path="g1/train.rejected-00000.parquet", bytes=7, xxh3_128=XXH3, rows=2),
            ParquetRecord(path="g1/train.rejected-00002.parquet", bytes=6, xxh3_128=XXH3, rows=1),
        ),
        rows_per_shard=4_096,
        fields=(Field.input("int32", ragged=True), Field.target("class", "int64")),
        shards=tuple(
            ShardRecord(
                path=f"g1/train-{i:05}.safetensors",
                bytes=100 + i,
                xxh3_128=XXH3,
                rows=rows,
                values={"x": 10 * rows},
                longest={"x": 12},
            )
            for i, rows in enumerate([4_096, 4_096, 808])
        ),
    )
    return Manifest(
        writer="shardmill 0.1.0",
        name="news",
        kind="text",
        sample=False,
        recipe={"name": "news", "csv": {"delimiter": "\t", "missing": ["", "n/a"]}, "über": None},
        recipe_sha256=SHA256,
        clean_key=SHA256,
        shard_key=SHA256,
        requested_rows_per_shard=None,
        raw=FileRecord(path="g1/raw.json", bytes=500, xxh3_128=XXH3),
        classes=("World", "Sci/Tech"),
        features=("text",),
        statistics={"a": Statistics(mean=0.1, std=1e-300, fill="S", missing=3), "b": Statistics()},
        vocabulary=VocabularyRecord(
            tokens=5,
            unknown="<unk>",
            padding="<pad>",
            padding_id=1,
            vocab=FileRecord(path="g1/vocab.txt", bytes=30, xxh3_128=XXH3),
            tokenizer=FileRecord(path="g1/tokenizer.json", bytes=300, xxh3_128=XXH3),
        ),
        splits={"train": train},
    )


def load_changed(folder: Path, change: Callable[[Any], object]) -> Manifest:
    """Load the manifest after `change` was applied to its JSON."""
    content = json.loads(make_manifest().to_json())
    change(content)
    (folder / "manifest.json").write_text(json.dumps(content))
    return Manifest.load(folder)


def test_round_trip(tmp_path: Path) -> None:
    manifest = make_manifest()
    (tmp_path / "manifest.json").write_bytes(manifest.to_json())
    for path in (tmp_path, str(tmp_path)):
        loaded = Manifest.load(path)
        assert loaded == manifest
        assert loaded.to_json() == manifest.to_json()


def test_json_is_canonical() -> None:
    text = make_manifest().to_json().decode("utf-8")
    content = json.loads(text)
    assert text == json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert list(content) == sorted(content)
    assert '    "über": null\n' in text
    assert (content["format"], content["version"]) == ("shardmill", 1)


def test_order_of_keys_leaves_no_trace() -> None:
    manifest = make_manifest()
    turned = manifest.model_copy(
        update={
            "recipe": dict(reversed(manifest.recipe.items())),
            "statistics": dict(reversed(manifest.statistics.items())),
        }
    )
    assert turned.to_json() == manifest.to_json()


def test_files_yields_every_file_once() -> None:
    assert [record.path for record in make_manifest().files()] == [
        "g1/raw.json",
        "g1/train.parquet",
        "g1/train.rejected-00000.parquet",
        "g1/train.rejected-00002.parquet",
        "g1/train-00000.safetensors",
        "g1/train-00001.safetensors",
        "g1/train-00002.safetensors",
        "g1/vocab.txt",
        "g1/tokenizer.json",
    ]


def test_alignment_of_a_split() -> None:
    split = make_manifest().splits["train"]
    assert split.rows_per_shard_is_aligned()  # int32 sizes need a multiple of 4,096
    assert not split.model_copy(update={"rows_per_shard": 2_048}).rows_per_shard_is_aligned()


@pytest.mark.parametrize("folder", ["", "missing", "file/below"])
def test_missing_artifact(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("")
    match = "expected a folder with a manifest.json, found none; build it with `shardmill"
    with pytest.raises(MissingArtifactError, match=match) as caught:
        Manifest.load(tmp_path / folder)
    assert caught.value.where == str(tmp_path / folder)


@pytest.mark.parametrize(
    "content",
    [
        b'{"version": 2}',
        # whatever else is in it
        b'{"version": 2, "format": 7, "recipe": {"version": 1}, "new": []}',
        # no JSON any more, but still a version
        b'{"version": 2, <new syntax>',
        b'{"version":2, "name": "\xff"}',
    ],
)
def test_newer_version(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    match = (
        r"manifest.json: expected version 1 or older, found version 2; "
        r"read it with a newer shardmill: pip install --upgrade shardmill$"
    )
    with pytest.raises(FormatVersionError, match=match):
        Manifest.load(tmp_path)


def test_version_of_the_recipe_does_not_count(tmp_path: Path) -> None:
    loaded = load_changed(tmp_path, lambda m: m["recipe"].update(version=2))
    assert loaded.recipe["version"] == 2


def test_a_newer_version_changes_only_its_number(tmp_path: Path) -> None:
    with pytest.raises(FormatVersionError, match="found version 10;"):
        load_changed(tmp_path, lambda m: m.update(version=10))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        # cut short
        make_manifest().to_json()[:-20],
        # not UTF-8
        make_manifest().to_json().replace(b"news", b"n\xffws"),
    ],
)
def test_damaged_json(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    match = (
        r"(?s)manifest.json: expected a manifest.json of version 1, found .*.*; "
        r"build the artifact again with `shardmill preprocess --force`$"
    )
    with pytest.raises(ManifestError, match=match):
        Manifest.load(tmp_path)


def train_of(manifest: Any) -> Any:
    return manifest["splits"]["train"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        # a key missing, or one too many
        (lambda m: m.pop("name"), r"name: missing"),
        (lambda m: m.update(junk=1), r"junk: unknown key"),
        (lambda m: train_of(m).update(junk=1), r"splits\.train\.junk: unknown key"),
        # types are not converted
        (lambda m: m.update(name=1), r"name: Input should be a valid string"),
        (lambda m: m.update(sample="no"), r"sample: Input should be a valid boolean"),
        (lambda m: m.update(version="1"), r"version: Input should be a valid integer"),
        (lambda m: train_of(m).update(rows="9000"), r"train\.rows: .*valid integer"),
        (lambda m: train_of(m).update(rows=9000.5), r"train\.rows: .*valid integer"),
        # values outside what the format knows
        (lambda m: m.update(format="other"), r"format: Input should be 'shardmill'"),
        (lambda m: m.update(kind="audio"), r"kind: Input should be 'tabular', 'image' or 'text'"),
        (lambda m: m.update(clean_key="G" * 64), r"clean_key: String should match"),
        (lambda m: m.update(shard_key=SHA256[:-1]), r"shard_key: String should match"),
        (lambda m: train_of(m)["shards"][1].update(xxh3_128="0"), r"shards\.1\.xxh3_128: String"),
        (lambda m: train_of(m)["shards"][0].update(bytes=-1), r"shards\.0\.bytes: .*equal to 0"),
        (lambda m: train_of(m)["shards"][2].update(rows=0), r"shards\.2\.rows: .*equal to 1"),
        (lambda m: train_of(m)["fields"][0].update(dtype="uint16"), r"fields\.0\.dtype: Input"),
        (lambda m: train_of(m)["fields"][0].update(shape=["7"]), r"fields\.0\.shape\.0: Input"),
    ],
)
def test_broken_rules(tmp_path: Path, change: Callable[[Any], object], fault: str) -> None:
    with pytest.raises(ManifestError, match=fault):
        load_changed(tmp_path, change)


def test_several_faults_at_once(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"name: .*; sample: "):
        load_changed(tmp_path, lambda m: m.update(name=1, sample=1))


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../shard",
        "g1/../../shard",
        "g1/..",
        ".",
        "./shard",
        "g1//shard",
        "g1/",
        "",
        # Windows
        "g1\\shard",
        "..\\shard",
        "C:",
        "C:/shard",
        "C:shard",
    ],
)
def test_paths_outside_the_artifact(tmp_path: Path, path: str) -> None:
    match = "must be relative, with forward slashes, and stay inside the artifact"
    with pytest.raises(ManifestError, match=rf"shards\.0\.path: .*{match}"):
        load_changed(tmp_path, lambda m: train_of(m)["shards"][0].update(path=path))
    with pytest.raises(ManifestError, match=rf"vocabulary\.vocab\.path: .*{match}"):
        load_changed(tmp_path, lambda m: m["vocabulary"]["vocab"].update(path=path))


@pytest.mark.parametrize("path", ["shard", "g1/shard", "g1/..shard", "g1/.hidden", "ä b/shard"])
def test_paths_inside_the_artifact(tmp_path: Path, path: str) -> None:
    loaded = load_changed(tmp_path, lambda m: train_of(m)["shards"][0].update(path=path))
    assert loaded.splits["train"].shards[0].path == path


ADD_UP = "the shards hold {} rows, not {}"
EVEN = "only the last shard may hold another number of rows than the others"


@pytest.mark.parametrize(
    ("rows", "shard_rows", "fault"),
    [
        (9_001, (4_096, 4_096, 808), ADD_UP.format("9,000", "9,001")),
        (8_999, (4_096, 4_096, 808), ADD_UP.format("9,000", "8,999")),
        # the short shard is not the last
        (9_000, (4_096, 808, 4_096), EVEN),
        # longer than rows_per_shard, in the middle or at the end
        (9_000, (4_095, 4_097, 808), EVEN),
        (8_194, (4_096, 4_098), EVEN),
        (5_000, (5_000,), EVEN),
    ],
)
def test_rows_that_do_not_add_up(
    tmp_path: Path, rows: int, shard_rows: tuple[int, ...], fault: str
) -> None:
    def change(manifest: Any) -> None:
        train = train_of(manifest)
        shard = train["shards"][0]
        train["rows"] = rows
        train["shards"] = [{**shard, "rows": n} for n in shard_rows]

    with pytest.raises(ManifestError, match=rf"splits\.train: .*{fault}"):
        load_changed(tmp_path, change)


@pytest.mark.parametrize("shard_rows", [(), (1,), (4_096,), (4_096, 4_096), (4_096, 1)])
def test_rows_that_add_up(tmp_path: Path, shard_rows: tuple[int, ...]) -> None:
    def change(manifest: Any) -> None:
        train = train_of(manifest)
        shard = train["shards"][0]
        train["rows"] = sum(shard_rows)
        train["shards"] = [{**shard, "rows": n} for n in shard_rows]

    split = load_changed(tmp_path, change).splits["train"]
    assert tuple(shard.rows for shard in split.shards) == shard_rows
