"""A store in S3, for several tests."""

from collections.abc import Iterator

import pytest
from object_servers import BUCKET, moto_server, use_endpoint


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A URL below which there is nothing."""
    use_endpoint(monkeypatch, s3_endpoint)
    return f"s3://{BUCKET}/{abs(hash(request.node.nodeid))}"
