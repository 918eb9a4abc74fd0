"""Servers of objects on loopback: a whole S3, and one that serves a folder badly."""

import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

BUCKET = "bucket"
HOST = "127.0.0.1"


def use_endpoint(patch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Let obstore find a server, by the environment as users do."""
    for name, value in environment(endpoint).items():
        patch.setenv(name, value)


def environment(endpoint: str) -> dict[str, str]:
    """The variables by which obstore finds a server."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }


@contextmanager
def moto_server() -> Iterator[str]:
    """Run moto's S3 with one empty bucket; yields its endpoint."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(HOST, 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")).close()
    try:
        yield endpoint
    finally:
        server.stop()


@dataclass
class Faults:
    """What a server does wrong.

    Attributes:
        refuse_every: Every so many requests, one is answered 503; 0 for none.
        cut_every: Every so many answers with more than a few bytes, one ends in its middle.
        latency_s: How long each answer takes to begin.
        bytes_a_second: How fast the bytes of each answer come; 0 for at once.
        asked: The path and the range of each request so far.
        cuts: How many answers were cut.
    """

    refuse_every: int = 0
    cut_every: int = 0
    latency_s: float = 0
    bytes_a_second: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    refused: int = 0
    cuts: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def range_server(folder: Path, faults: Faults) -> Iterator[str]:
    """Serve the files of a folder as S3 does, with faults; yields the endpoint.

    The folders in it are the buckets. It knows GET and HEAD, ranges, etags and If-Match.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Otherwise a body waits until the client has acknowledged the headers, which takes 40 ms.
        disable_nagle_algorithm = True

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, *, with_body: bool) -> None:
            with faults.lock:
                faults.asked.append((self.path, self.headers.get("Range", "")))
                number = len(faults.asked)
            time.sleep(faults.latency_s)
            if faults.refuse_every and number % faults.refuse_every == 0:
                faults.refused += 1
                self.head(503, 0)
                return
            path = folder / self.path.lstrip("/")
            content = path.read_bytes() if path.is_file() else None
            if content is None:
                self.head(404, 0)
                return
            etag = f'"{sha256(content).hexdigest()[:32]}"'
            if self.headers.get("If-Match", etag) != etag:
                self.head(412, 0)
                return
            start, stop = span_of(self.headers.get("Range"), len(content))
            if start >= max(len(content), 1):
                self.head(416, 0)
                return
            whole = not self.headers.get("Range")
            self.head(
                200 if whole else 206, stop - start, etag, f"{start}-{stop - 1}/{len(content)}"
            )
            if with_body:
                self.send(content[start:stop], number)

        def head(self, code: int, size: int, etag: str = "", span: str = "") -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(size))
            if etag:
                self.send_header("ETag", etag)
                self.send_header("Last-Modified", "Thu, 26 Nov 2026 20:00:00 GMT")
            if code == 206:
                self.send_header("Content-Range", f"bytes {span}")
            self.end_headers()

        def send(self, body: bytes, number: int) -> None:
            if faults.cut_every and number % faults.cut_every == 0 and len(body) > 100:
                faults.cuts += 1
                body = body[: len(body) // 2]
                self.close_connection = True
            step = faults.bytes_a_second // 20 or max(len(body), 1)
            for first in range(0, len(body), step):
                self.wfile.write(body[first : first + step])
                if faults.bytes_a_second:
                    time.sleep(0.05)

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # whoever asked is gone
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: object) -> None:
            pass

    with serving(Server((HOST, 0), Handler)) as endpoint:
        yield endpoint


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[str]:
    """Run a server in a thread; yields its endpoint."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def span_of(header: str | None, size: int) -> tuple[int, int]:
    """The bytes [start, stop) that a Range header asks for."""
    if not header:
        return 0, size
    first, _, last = header.removeprefix("bytes=").partition("-")
    return int(first), min(int(last) + 1, size) if last else size
