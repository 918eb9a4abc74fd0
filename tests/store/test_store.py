"""The verbs do the same in a folder and in S3."""

import os
import random
from pathlib import Path

import pytest
from object_servers import BUCKET, Faults, range_server, use_endpoint

from shardmill import (
    ChangedObjectError,
    CredentialsError,
    ForkedError,
    MissingLibraryError,
    MissingObjectError,
    UnreachableError,
    UnsupportedStorageError,
)
from shardmill.store import cloud_store
from shardmill.store.open_store import open_store
from shardmill.store.store import ObjectFacts, Store


@pytest.fixture(params=["folder", "file", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "s3":
        return open_store(request.getfixturevalue("s3"))
    where = tmp_path / "of objects"
    return open_store(where if request.param == "folder" else where.as_uri())


def test_what_was_put_is_there(store: Store, tmp_path: Path) -> None:
    store.put("a/b", b"0123456789")
    store.put("a/c", b"")
    large = random.Random(0).randbytes(12 * 2**20)  # sent in parts
    (tmp_path / "large").write_bytes(large)
    store.put("d", tmp_path / "large")
    assert store.get("a/b").content == b"0123456789"
    assert store.get("a/c").content == b""
    assert store.get("d").content == large
    assert b"".join(store.get_range("a/b", 3)) == b"3456789"
    assert b"".join(store.get_range("a/b", 3, stop=5)) == b"34"
    assert b"".join(store.get_range("a/b", 3, stop=99)) == b"3456789"
    assert b"".join(store.get_range("a/b", 5, stop=5)) == b""
    assert b"".join(store.get_range("d", 2**20)) == large[2**20 :]
    assert sorted((o.key, o.bytes) for o in store.list()) == [
        ("a/b", 10),
        ("a/c", 0),
        ("d", len(large)),
    ]
    assert {o.key for o in store.list("a")} == {"a/b", "a/c"}
    assert list(store.list("none")) == []
    facts = store.head("a/b")
    assert facts == ObjectFacts("a/b", 10, store.get("a/b").etag)


def test_only_what_was_read_is_replaced(store: Store) -> None:
    store.put_if("m", b"one", etag=None)
    with pytest.raises(ChangedObjectError):
        store.put_if("m", b"two", etag=None)
    first = store.get("m")
    store.put_if("m", b"three", etag=first.etag)
    with pytest.raises(ChangedObjectError):
        store.put_if("m", b"four", etag=first.etag)
    assert store.get("m").content == b"three"
    assert first.content == b"one"


def test_a_range_is_of_the_object_that_was_meant(store: Store) -> None:
    store.put("m", b"0123456789")
    etag = store.head("m").etag
    assert b"".join(store.get_range("m", 5, etag=etag)) == b"56789"
    store.put("m", b"abcdefghij")
    with pytest.raises(ChangedObjectError):
        list(store.get_range("m", 5, etag=etag))


def test_what_is_missing_is_said(store: Store) -> None:
    with pytest.raises(MissingObjectError, match="none"):
        store.get("nothing")
    with pytest.raises(MissingObjectError, match="none"):
        list(store.get_range("nothing"))
    with pytest.raises(MissingObjectError):
        store.head("nothing")


def test_a_missing_bucket_is_said(s3: str) -> None:
    with pytest.raises(MissingObjectError, match=r"expected a bucket, found NoSuchBucket"):
        open_store("s3://no-such-bucket/x").get("a")
    with pytest.raises(MissingObjectError, match="NoSuchBucket"):
        list(open_store("s3://no-such-bucket/x").list())


def test_an_answer_that_is_cut_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_store, "_FIRST_PAUSE_S", 0.001)
    content = random.Random(1).randbytes(5 * 2**20)
    (tmp_path / BUCKET).mkdir()
    (tmp_path / BUCKET / "a").write_bytes(content)
    faults = Faults(refuse_every=5, cut_every=2)
    with range_server(tmp_path, faults) as endpoint:
        use_endpoint(monkeypatch, endpoint)
        store = open_store(f"s3://{BUCKET}")
        assert store.get("a").content == content
        for start in range(0, len(content), 2**19):
            assert b"".join(store.get_range("a", start)) == content[start:]
    assert faults.cuts > 5
    assert faults.refused > 2


def test_an_object_that_changes_meanwhile_is_never_half_of_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud_store, "_FIRST_PAUSE_S", 0.001)
    path = tmp_path / BUCKET / "a"
    path.parent.mkdir()
    path.write_bytes(bytes(4 * 2**20))
    with range_server(tmp_path, Faults(cut_every=1)) as endpoint:
        use_endpoint(monkeypatch, endpoint)
        blocks = open_store(f"s3://{BUCKET}").get_range("a")
        next(blocks)
        path.write_bytes(b"1" * 4 * 2**20)
        with pytest.raises(ChangedObjectError, match="begin again"):
            list(blocks)


def test_a_server_that_always_cuts_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud_store, "_FIRST_PAUSE_S", 0.001)
    (tmp_path / BUCKET).mkdir()
    (tmp_path / BUCKET / "a").write_bytes(bytes(2**20))

    with range_server(tmp_path, Faults()) as endpoint:
        use_endpoint(monkeypatch, endpoint)
        store = open_store(f"s3://{BUCKET}")
        real = store._ask  # type: ignore[attr-defined]

        class Short:
            range = (0, 2**20)

            def stream(self, **_: object) -> list[bytes]:
                return []

        store._ask = lambda *given: real(*given) and Short()  # type: ignore[attr-defined]
        with pytest.raises(Exception, match="ends before the object does"):
            store.get("a")


def test_a_server_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_store, "_RETRIES", 1)
    use_endpoint(monkeypatch, "http://127.0.0.1:1")
    with pytest.raises(UnreachableError, match="AWS_ENDPOINT_URL"):
        open_store("s3://bucket/x").get("a")


def test_an_endpoint_without_encryption_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    use_endpoint(monkeypatch, "http://127.0.0.1:1")
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    with pytest.raises(UnreachableError, match="AWS_ALLOW_HTTP=true"):
        open_store("s3://bucket/x").get("a")


def test_credentials_that_are_not_enough_are_said(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(s3).put("a", b"")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    with pytest.raises(CredentialsError, match="AWS_ACCESS_KEY_ID"):
        open_store(s3).get("a")


def test_http_is_to_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"over http")
    with range_server(tmp_path, Faults()) as endpoint:
        store = open_store(endpoint)
        assert store.get("a").content == b"over http"
        with pytest.raises(UnsupportedStorageError, match="push to s3://"):
            store.put_if("a", b"", etag=None)


def test_other_urls_are_for_fsspec() -> None:
    import fsspec

    with fsspec.open("memory://of-tests/a/b", "wb") as file:
        file.write(b"0123456789")
    store = open_store("memory://of-tests")
    assert store.get("a/b").content == b"0123456789"
    assert b"".join(store.get_range("a/b", 2, stop=5)) == b"234"
    assert [o.bytes for o in store.list("a")] == [10]
    assert store.head("a/b").bytes == 10
    with pytest.raises(MissingObjectError):
        store.get("c")
    with pytest.raises(UnsupportedStorageError):
        store.put("c", b"")
    with pytest.raises(UnsupportedStorageError, match="no-such-scheme"):
        open_store("no-such-scheme://x")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)
    with pytest.raises(MissingLibraryError, match=r"pip install 'shardmill\[cloud\]'"):
        open_store("s3://bucket/x")


def test_a_forked_process_is_refused_and_does_not_hang(s3: str) -> None:
    store = open_store(s3)
    store.put("a", b"")
    child = os.fork()
    if child == 0:
        refused = 0
        for ask in (lambda: store.get("a"), lambda: open_store(s3)):
            try:
                ask()
            except ForkedError:
                refused += 1
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
