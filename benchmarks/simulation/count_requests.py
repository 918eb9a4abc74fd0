"""Counts what is asked of a server that speaks S3, by what a user does."""

import logging
import os
import re
import shutil
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import shardmill
from shardmill.store.pull_artifact import pull_artifact
from shardmill.store.push_artifact import push_artifact
from shardmill.store.verify_url import verify_url

Requests = dict[str, int]

_HOST = "127.0.0.1"
_BUCKET = "bucket"
_ASKED = re.compile(r'"([A-Z]+) (\S+) HTTP')


class _Asked(logging.Handler):
    """Counts the requests that moto's server logs."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        found = _ASKED.search(re.sub(r"\x1b\[\d+m", "", record.getMessage()))
        if found is not None:
            verb, path = found.groups()
            self.counts["LIST" if verb == "GET" and "list-type=" in path else verb] += 1

    def take(self) -> Requests:
        """Return the counts since the last call."""
        counts, self.counts = dict(self.counts), Counter()
        return counts


@contextmanager
def _counted_server() -> Iterator[_Asked]:
    from moto.server import ThreadedMotoServer

    asked, log = _Asked(), logging.getLogger("werkzeug")
    log.addHandler(asked)
    log.propagate = False
    server = ThreadedMotoServer(_HOST, 0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        urllib.request.urlopen(  # noqa: S310  loopback
            urllib.request.Request(f"{endpoint}/{_BUCKET}", method="PUT")  # noqa: S310
        ).close()
        environment = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }
        with patch.dict(os.environ, environment):
            yield asked
    finally:
        server.stop()
        log.removeHandler(asked)


def count_requests(artifact: Path, folder: Path) -> dict[str, Requests]:
    """Return how many requests of each verb each action sends.

    Args:
        artifact: The folder of an artifact.
        folder: A folder for what is brought, which is removed.
    """
    url = f"s3://{_BUCKET}/{artifact.name}"
    found = {}
    with _counted_server() as asked:
        asked.take()
        for name in ("push", "push what is there"):
            push_artifact(artifact, url)
            found[name] = asked.take()
        dataset = shardmill.open(url, cache=folder / "cache")
        found["open"] = asked.take()
        for name in ("first epoch", "next epoch"):
            for _ in dataset.loader(256):
                pass
            found[name] = asked.take()
        pull_artifact(url, folder)
        found["pull"] = asked.take()
        verify_url(url)
        found["verify"] = asked.take()
    shutil.rmtree(folder)
    return found
