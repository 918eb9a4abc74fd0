"""An artifact at a URL reads as it does in a folder, whatever the cache and the network do."""

import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from building import build
from cut_artifacts import build_cut, equal as equal_batches
from object_servers import BUCKET, Faults, range_server, use_endpoint

import shardmill
from shardmill import DamagedFileError, ManifestError, MissingArtifactError, ShardDataset
from shardmill.format.manifest import Manifest
from shardmill.recipe.load_recipe import load_recipe
from shardmill.store import cloud_store
from shardmill.store.cache_folder import list_cache

NAMES = ("titanic", "mnist", "ag_news")
CUT = ("pictures", "texts")  # ten shards and five


@pytest.fixture(scope="session")
def several(sample_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of artifacts, some of several shards."""
    out = tmp_path_factory.mktemp("served") / BUCKET
    out.mkdir()
    build_cut(out)
    for name in NAMES:
        build(load_recipe(name), sample_raw, out, rows_per_shard=500)
    return out


@pytest.fixture
def served(
    several: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Path]:
    """A copy of the folder, which a server gives as s3://bucket."""
    monkeypatch.setattr(cloud_store, "_FIRST_PAUSE_S", 0.001)
    shutil.copytree(several, tmp_path / "server" / BUCKET)
    with range_server(tmp_path / "server", faults) as endpoint:
        use_endpoint(monkeypatch, endpoint)
        yield tmp_path / "server" / BUCKET


def shard_bytes(artifact: Path, split: str = "train") -> list[int]:
    return [shard.bytes for shard in Manifest.load(artifact).splits[split].shards]


def equal(ds: ShardDataset, other: ShardDataset) -> bool:
    arrays, others = ds.numpy(), other.numpy()
    return arrays.keys() == others.keys() and all(
        np.array_equal(arrays[name], others[name], equal_nan=arrays[name].dtype.kind == "f")
        for name in arrays
    )


def rows_of(ds: ShardDataset, **options: object) -> torch.Tensor:
    # Few batches, since each may bring all shards again where the cache holds one.
    return torch.cat([y for _, y in ds.loader(1_000, **options)])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_a_url_reads_as_a_folder(name: str, served: Path, tmp_path: Path) -> None:
    ds = shardmill.open(f"s3://{BUCKET}/{name}", cache=tmp_path / "cache")
    local = shardmill.open(served / name)
    assert repr(ds) == repr(local)
    assert equal(ds, local)
    assert ds._mapped.in_spans
    assert torch.equal(rows_of(ds, shuffle=True), rows_of(local, shuffle=True))
    assert ds.to_pandas().equals(local.to_pandas())
    assert getattr(ds, "vocab", None) == getattr(local, "vocab", None)
    again = pickle.loads(pickle.dumps(ds))
    assert equal(again, local)


def test_what_is_in_the_cache_is_not_asked_for_again(
    served: Path, faults: Faults, tmp_path: Path
) -> None:
    url = f"s3://{BUCKET}/mnist"
    shardmill.open(url, cache=tmp_path / "cache").numpy()
    first = len(faults.asked)
    assert len({path for path, _ in faults.asked}) == first
    shardmill.open(url, cache=tmp_path / "cache").numpy()
    assert [path for path, _ in faults.asked[first:]] == [f"/{BUCKET}/mnist/manifest.json"]


def test_a_folder_in_the_cache_is_an_artifact(served: Path, tmp_path: Path) -> None:
    ds = shardmill.open(f"s3://{BUCKET}/mnist", cache=tmp_path / "cache")
    ds.numpy()
    assert equal(shardmill.open(ds.path), ds)


def test_every_class_takes_a_url(served: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"cache": tmp_path / "cache", "cache_bytes": 10**9}
    assert len(shardmill.MNISTDataset(f"s3://{BUCKET}/mnist", **options)) == 3600
    assert shardmill.TitanicDataset(f"s3://{BUCKET}/titanic", **options).classes
    assert shardmill.AGNewsDataset(f"s3://{BUCKET}/ag_news", **options)[0]


def test_a_cache_is_for_urls(served: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a folder"):
        shardmill.open(served / "mnist", cache=tmp_path)


def test_nothing_at_the_url(served: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingArtifactError, match=f"s3://{BUCKET}/none.*shardmill push"):
        shardmill.open(f"s3://{BUCKET}/none", cache=tmp_path / "cache")


def test_a_damaged_manifest_is_refused(served: Path, tmp_path: Path) -> None:
    (served / "mnist" / "manifest.json").write_text('{"splits": {"train": {"shards": {}}}}')
    with pytest.raises(ManifestError):
        shardmill.open(f"s3://{BUCKET}/mnist", cache=tmp_path / "cache")


def test_a_damaged_shard_is_refused(served: Path, tmp_path: Path) -> None:
    shard = Manifest.load(served / "mnist").splits["train"].shards[1]
    path = served / "mnist" / shard.path
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    ds = shardmill.open(f"s3://{BUCKET}/mnist", cache=tmp_path / "cache")
    row = ds.manifest.splits["train"].rows_per_shard
    for read in (lambda: ds[row], lambda: ds[[0, row]], ds.numpy):
        with pytest.raises(DamagedFileError, match=r"s3://.*xxh3_128"):
            read()
    assert equal_batches(ds[[0]], shardmill.open(served / "mnist")[[0]])
    assert not (ds.path / shard.path).exists()
    content[-1] ^= 1
    path.write_bytes(content)
    assert equal(ds, shardmill.open(served / "mnist"))


def test_a_part_is_gone_on_with(served: Path, faults: Faults, tmp_path: Path) -> None:
    shard = Manifest.load(served / "mnist").splits["train"].shards[1]
    content = (served / "mnist" / shard.path).read_bytes()
    ds = shardmill.open(f"s3://{BUCKET}/mnist", cache=tmp_path / "cache")
    part = (ds.path / shard.path).with_name(f".{Path(shard.path).name}.{shard.bytes}.part")
    for left, asked in ((content[:1000], "bytes=1000-"), (b"x" * 1000, "")):
        shutil.rmtree(ds.path / Path(shard.path).parent, ignore_errors=True)
        part.parent.mkdir()
        part.write_bytes(left)
        assert equal(shardmill.open(f"s3://{BUCKET}/mnist", cache=tmp_path / "cache"), ds)
        ranges = [span for path, span in faults.asked if path.endswith(shard.path)]
        assert ranges[-1] == asked
    assert not list(ds.path.rglob("*.part"))


def test_a_whole_part_is_only_checked(served: Path, faults: Faults, tmp_path: Path) -> None:
    shard = Manifest.load(served / "mnist").splits["train"].shards[1]
    ds = shardmill.open(f"s3://{BUCKET}/mnist", cache=tmp_path / "cache")
    part = (ds.path / shard.path).with_name(f".{Path(shard.path).name}.{shard.bytes}.part")
    part.parent.mkdir()
    shutil.copy(served / "mnist" / shard.path, part)
    ds[0]
    assert not [path for path, _ in faults.asked if path.endswith(shard.path)]


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("shuffle", [False, "blocks", "nodes", "shards"])
@pytest.mark.parametrize("shards", [1, 4])
def test_a_cache_that_holds_less_than_the_split(
    name: str, shuffle: bool | str, shards: int, served: Path, tmp_path: Path
) -> None:
    local = shardmill.open(served / name)
    limit = shards * max(shard_bytes(served / name)) + 1
    cache = tmp_path / "cache"
    ds = shardmill.open(f"s3://{BUCKET}/{name}", cache=cache, cache_bytes=limit)
    assert torch.equal(rows_of(ds, shuffle=shuffle), rows_of(local, shuffle=shuffle))
    assert not ds._mapped.in_spans
    rows = [1, 19_999, 7_000, 12_345, 2]
    assert equal_batches(ds[rows], local[rows])
    large = sum(path.stat().st_size for path in cache.rglob("*.safetensors"))
    # Those that are being brought count beside the limit.
    assert large <= limit + 2 * max(shard_bytes(served / name))
    assert equal(ds, local)


def test_a_cache_must_hold_a_shard(served: Path, tmp_path: Path) -> None:
    ds = shardmill.open(f"s3://{BUCKET}/mnist", cache=tmp_path / "cache", cache_bytes=1000)
    with pytest.raises(ValueError, match="cache_bytes is at least"):
        ds[0]


def test_what_was_used_longest_ago_goes(served: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    sizes = {name: sum(shard_bytes(served / name)) for name in (*NAMES, *CUT)}
    first = shardmill.open(f"s3://{BUCKET}/pictures", cache=cache)
    second = shardmill.open(f"s3://{BUCKET}/ag_news", cache=cache)
    for ds in (first, second):
        ds.numpy()
    for path in first.path.rglob("*.safetensors"):
        os.utime(path, (1, 1))
    kept = np.array(first.numpy()["x"])
    limit = sum(each.bytes for each in list_cache(cache)) + sizes["mnist"] - 1
    shardmill.open(f"s3://{BUCKET}/mnist", cache=cache, cache_bytes=limit).numpy()
    assert len(list(first.path.rglob("*.safetensors"))) < len(shard_bytes(served / "pictures"))
    assert len(list(second.path.rglob("*.safetensors"))) == len(shard_bytes(served / "ag_news"))
    assert np.array_equal(first.numpy()["x"], kept)  # a map outlives its file
    again = shardmill.open(f"s3://{BUCKET}/pictures", cache=cache)
    assert np.array_equal(again.numpy()["x"], kept)


def test_faults_of_the_network_change_nothing(served: Path, faults: Faults, tmp_path: Path) -> None:
    faults.refuse_every, faults.cut_every = 5, 3
    for name in (*NAMES, *CUT):
        ds = shardmill.open(f"s3://{BUCKET}/{name}", cache=tmp_path / "cache")
        assert equal(ds, shardmill.open(served / name))
    assert faults.refused > 2
    assert faults.cuts > 2


def test_shards_that_are_wanted_soon_come_ahead(
    served: Path, faults: Faults, tmp_path: Path
) -> None:
    limit = 4 * max(shard_bytes(served / "pictures"))
    ds = shardmill.open(f"s3://{BUCKET}/pictures", cache=tmp_path / "cache", cache_bytes=limit)
    batches = iter(ds.loader(10))
    next(batches)
    threads = ds._mapped.files._threads  # type: ignore[attr-defined]
    for thread in threads[:]:
        thread.join()
    asked = {path.rpartition("/")[2] for path, _ in faults.asked}
    assert {f"train-0000{index}.safetensors" for index in range(3)} <= asked
