"""Artifacts go to a URL and come back with the same bytes, and two builders never mix."""

import json
import shutil
from pathlib import Path

import pytest
from cut_artifacts import build_cut
from object_servers import Faults, range_server

import shardmill
from shardmill import (
    DamagedFileError,
    LockedError,
    MissingArtifactError,
    MissingObjectError,
    PublishedMeanwhileError,
)
from shardmill.format.manifest import Manifest
from shardmill.format.shard_table import ShardTable
from shardmill.format.verify_artifact import verify_artifact
from shardmill.pipeline.stages import shard_tables
from shardmill.store import publish, push_artifact as pushing
from shardmill.store.open_store import open_store
from shardmill.store.pull_artifact import pull_artifact
from shardmill.store.push_artifact import push_artifact
from shardmill.store.verify_url import verify_url


@pytest.fixture(params=["folder", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return str(request.getfixturevalue("s3"))
    return (tmp_path / "elsewhere").as_uri()


def content(folder: Path) -> dict[str, bytes]:
    """The files of an artifact that a manifest names, with the manifest."""
    named = {"manifest.json", *(record.path for record in Manifest.load(folder).files())}
    return {path: (folder / path).read_bytes() for path in named}


def test_what_was_pushed_is_pulled(url: str, sample_artifacts: Path, tmp_path: Path) -> None:
    for name in ("titanic", "ag_news"):
        pushed = push_artifact(sample_artifacts / name, f"{url}/{name}")
        assert pushed.status == "pushed"
        assert pushed.files == verify_artifact(sample_artifacts / name).files
        again = push_artifact(sample_artifacts / name, f"{url}/{name}/")
        assert (again.status, again.files, again.bytes) == ("up to date", 0, 0)
        forced = push_artifact(sample_artifacts / name, f"{url}/{name}", force=True)
        assert (forced.status, forced.files) == ("up to date", pushed.files)
        folder = pull_artifact(f"{url}/{name}", tmp_path / "out")
        assert folder == tmp_path / "out" / name
        assert content(folder) == content(sample_artifacts / name)
        assert verify_url(f"{url}/{name}").bytes == verify_artifact(folder).bytes
        assert pull_artifact(f"{url}/{name}", tmp_path / "out") == folder
        assert not list(folder.rglob("*.part"))
        ds = shardmill.open(f"{url}/{name}", cache=tmp_path / "cache")
        assert len(ds) == len(shardmill.open(folder))


def test_the_manifest_comes_last(
    url: str, sample_artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real = open_store(url)

    class Noted:
        url = real.url
        get, list, put_if = real.get, real.list, real.put_if

        def put(self, key: str, content: bytes | Path) -> None:
            asked.append(key)
            if len(asked) == 3:
                raise MissingObjectError("x", expected="y", found="z", fix="f")
            real.put(key, content)

    monkeypatch.setattr(pushing, "open_store", lambda _: Noted())
    with pytest.raises(MissingObjectError):
        push_artifact(sample_artifacts / "titanic", url)
    with pytest.raises(MissingArtifactError):
        verify_url(url)
    monkeypatch.undo()
    assert len(asked) >= 3


def test_of_two_builders_one_wins(
    url: str, sample_artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = publish.send_files
    mine, other = sample_artifacts / "titanic", sample_artifacts / "mnist"
    generation = f"shards-{Manifest.load(other).shard_key[:12]}"
    before = f"shards-{Manifest.load(mine).shard_key[:12]}"

    def overtaken(*given: object) -> None:
        monkeypatch.setattr(pushing, "send_files", real)
        push_artifact(other, url)
        real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(pushing, "send_files", overtaken)
    with pytest.raises(PublishedMeanwhileError, match=rf"no manifest\.json, found {generation}"):
        push_artifact(mine, url)
    assert verify_url(url).files == verify_artifact(other).files
    assert push_artifact(mine, url).status == "pushed"  # now it knows whom it replaces
    monkeypatch.setattr(pushing, "send_files", overtaken)
    with pytest.raises(PublishedMeanwhileError, match=f"expected still {before}"):
        push_artifact(sample_artifacts / "ag_news", url)


def test_two_that_push_the_same_both_succeed(
    url: str, sample_artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = publish.send_files

    def overtaken(*given: object) -> None:
        monkeypatch.setattr(pushing, "send_files", real)
        push_artifact(sample_artifacts / "titanic", url)
        real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(pushing, "send_files", overtaken)
    assert push_artifact(sample_artifacts / "titanic", url).status == "pushed"


def test_a_damaged_artifact_is_not_pushed(url: str, sample_artifacts: Path, tmp_path: Path) -> None:
    mine = shutil.copytree(sample_artifacts / "titanic", tmp_path / "mine")
    shard = mine / Manifest.load(mine).splits["train"].shards[0].path
    shard.write_bytes(b"0" + shard.read_bytes()[1:])
    with pytest.raises(DamagedFileError):
        push_artifact(mine, url)
    with pytest.raises(MissingArtifactError):
        verify_url(url)


def test_damage_at_the_url_is_found_and_mended(sample_artifacts: Path, tmp_path: Path) -> None:
    there = tmp_path / "elsewhere"
    push_artifact(sample_artifacts / "titanic", str(there))
    records = Manifest.load(there).splits["train"]
    shard, parquet = there / records.shards[0].path, there / records.parquet[0].path
    shard.write_bytes(b"0" + shard.read_bytes()[1:])
    with pytest.raises(DamagedFileError, match="push --force"):
        verify_url(there.as_uri())
    parquet.unlink()
    with pytest.raises(DamagedFileError, match="2 faults"):
        verify_url(there.as_uri())
    with pytest.raises((DamagedFileError, MissingObjectError)):
        pull_artifact(there.as_uri(), tmp_path / "out")
    assert not (tmp_path / "out" / "titanic" / "manifest.json").exists()
    push_artifact(sample_artifacts / "titanic", str(there), force=True)
    assert verify_url(there.as_uri()).files


def test_pull_mends_what_is_damaged_here(sample_artifacts: Path, tmp_path: Path) -> None:
    source = (sample_artifacts / "titanic").as_uri()
    folder = pull_artifact(source, tmp_path)
    shard = folder / Manifest.load(folder).splits["train"].shards[0].path
    shard.write_bytes(b"0" + shard.read_bytes()[1:])
    pull_artifact(source, tmp_path)
    assert content(folder) == content(sample_artifacts / "titanic")


def test_pull_waits_for_no_build(sample_artifacts: Path, tmp_path: Path) -> None:
    from filelock import FileLock

    (tmp_path / "titanic").mkdir()
    with FileLock(tmp_path / "titanic" / ".lock"), pytest.raises(LockedError):
        pull_artifact((sample_artifacts / "titanic").as_uri(), tmp_path)


def test_pull_over_http_with_faults(
    sample_artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = Faults(refuse_every=5, cut_every=5)
    with range_server(sample_artifacts, faults) as endpoint:
        folder = pull_artifact(f"{endpoint}/ag_news", tmp_path)
        assert verify_url(f"{endpoint}/ag_news").files == verify_artifact(folder).files
    assert content(folder) == content(sample_artifacts / "ag_news")
    assert faults.refused > 1


def test_a_newer_manifest_is_told_with_its_url(sample_artifacts: Path, tmp_path: Path) -> None:
    there = shutil.copytree(sample_artifacts / "titanic", tmp_path / "there")
    facts = json.loads((there / "manifest.json").read_text())
    (there / "manifest.json").write_text(json.dumps({**facts, "version": 99}))
    with pytest.raises(shardmill.FormatVersionError, match=r"there/manifest\.json.*version 99"):
        verify_url(there.as_uri())


def test_a_table_of_shards_comes_with_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_tables, "MOST_LISTED_SHARDS", 2)
    there = build_cut(tmp_path) / "pictures"
    assert isinstance(Manifest.load(there).splits["train"].shards, ShardTable)
    folder = pull_artifact(there.as_uri(), tmp_path / "out")
    assert content(folder) == content(there)
    ds = shardmill.open(there.as_uri(), cache=tmp_path / "cache")
    assert [*map(int, ds[:9][1])] == [*map(int, shardmill.open(there)[:9][1])]
    assert verify_url(there.as_uri()).files == verify_artifact(there).files
