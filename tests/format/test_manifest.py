"""manifest.json: round trip, canonical bytes, and every way of being refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from manifests import SHA256, load_changed, make_manifest, train_of

from shardmill.errors import FormatVersionError, ManifestError, MissingArtifactError
from shardmill.format.manifest import (
    Manifest,
)


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
    tmp_path = tmp_path / "alone"  # beside it are artifacts of other tests, which would be advised
    tmp_path.mkdir()
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
        (lambda m: m.update(clean_key="G" * 64), r"clean_key: must be"),
        (lambda m: m.update(shard_key=SHA256[:-1]), r"shard_key: must be"),
        (lambda m: train_of(m)["shards"][1].update(xxh3_128="0"), r"shards\.1\.xxh3_128: must be"),
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
