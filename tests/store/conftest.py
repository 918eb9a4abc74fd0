"""A store in S3, and a server that serves a folder badly, for several tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cut_artifacts import build_cut, build_many
from object_servers import BUCKET, Faults, moto_server, range_server, use_endpoint

from shardmill.store import cloud_store


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A URL below which there is nothing."""
    use_endpoint(monkeypatch, s3_endpoint)
    return f"s3://{BUCKET}/{abs(hash(request.node.nodeid))}"


@pytest.fixture(scope="session")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server's folder with one bucket."""
    server = tmp_path_factory.mktemp("processes")
    (server / BUCKET).mkdir()
    build_cut(server / BUCKET)
    build_many(server / BUCKET)
    return server


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def endpoint(cut: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(cloud_store, "_FIRST_PAUSE_S", 0.001)
    with range_server(cut, faults) as where:
        use_endpoint(monkeypatch, where)
        yield where
