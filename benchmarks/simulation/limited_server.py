"""A server of files on loopback that is as slow as it is told, in a process of its own.

It answers GET and HEAD as S3 does for objects that nobody writes, with ranges and etags. All
answers together get so many bytes a second, and each begins after a while.
"""

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

HOST = "127.0.0.1"
BUCKET = "bucket"
_PIECE = 2**17  # so many bytes are sent at a time
# A thread that slept for too long catches up with so much.
_BURST_S = 0.02


@dataclass(frozen=True, slots=True)
class Limits:
    """How slow a server is.

    Attributes:
        bytes_s: How many bytes all answers together get in a second; 0 for no limit.
        latency_s: How long each answer takes to begin.
    """

    bytes_s: float = 0.0
    latency_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Served:
    """What a server was asked for since it was told its limits.

    Attributes:
        keys: The path of each answer with a body.
        bytes: How many bytes these had.
    """

    keys: tuple[str, ...]
    bytes: int


class Server:
    """A server that runs; `limit` begins a new count.

    Attributes:
        endpoint: Its URL.
    """

    def __init__(self, endpoint: str, pipe: "Connection[object, object]") -> None:
        self.endpoint: str = endpoint
        self._pipe = pipe

    def limit(self, limits: Limits) -> None:
        """Make the server so slow from now on."""
        self._pipe.send(limits)
        self._pipe.recv()

    def served(self) -> Served:
        """Return what it was asked for since `limit`."""
        self._pipe.send(None)
        served = self._pipe.recv()
        if not isinstance(served, Served):
            raise TypeError("the server answers with what it served")
        return served


@contextmanager
def limited_server(folder: Path) -> Iterator[Server]:
    """Serve the folders below a folder as buckets, until the block ends."""
    ours, theirs = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_serve, args=(folder, theirs), daemon=True)
    process.start()
    try:
        yield Server(str(ours.recv()), ours)
    finally:
        process.terminate()
        process.join()


class _Line:
    """The bytes of all answers, one after another."""

    def __init__(self) -> None:
        self.limits = Limits()
        self.keys: list[str] = []
        self.bytes = 0
        self._free_at = 0.0
        self._lock = threading.Lock()

    def reset(self, limits: Limits) -> None:
        with self._lock:
            self.limits, self.keys, self.bytes = limits, [], 0

    def note(self, key: str) -> None:
        with self._lock:
            self.keys.append(key)

    def wait_for(self, size: int) -> None:
        """Wait until so many bytes may have been sent."""
        with self._lock:
            self.bytes += size
            if not self.limits.bytes_s:
                return
            begin = max(self._free_at, time.monotonic() - _BURST_S)
            self._free_at = begin + size / self.limits.bytes_s
            end = self._free_at
        time.sleep(max(end - time.monotonic(), 0))


def _serve(folder: Path, pipe: "Connection[object, object]") -> None:
    line = _Line()

    class Handler(_Handler):
        pass

    Handler.folder, Handler.line = folder, line
    server = _Server((HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pipe.send(f"http://{HOST}:{server.server_port}")
    while True:
        told = pipe.recv()
        if isinstance(told, Limits):
            line.reset(told)
        pipe.send(Served(tuple(line.keys), line.bytes))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: Path
    line: _Line

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        time.sleep(self.line.limits.latency_s)
        path = self.folder / self.path.lstrip("/").partition("?")[0]
        if not path.is_file():
            self._head(404, 0)
            return
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            etag = f'"{facts.st_ino}-{facts.st_mtime_ns}"'
            start = int((self.headers.get("Range") or "bytes=0-")[6:].partition("-")[0])
            self._head(206 if start else 200, facts.st_size - start, etag=etag, start=start)
            if with_body:
                self.line.note(self.path)
                self._send(file.fileno(), start, facts.st_size)

    def _head(self, code: int, size: int, *, etag: str = "", start: int = 0) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(size))
        if etag:
            self.send_header("ETag", etag)
            self.send_header("Last-Modified", "Thu, 26 Nov 2026 20:00:00 GMT")
        if code == 206:
            self.send_header("Content-Range", f"bytes {start}-{start + size - 1}/{start + size}")
        self.end_headers()

    def _send(self, file: int, start: int, stop: int) -> None:
        self.wfile.flush()
        try:
            while start < stop:
                size = min(_PIECE, stop - start)
                self.line.wait_for(size)
                while size:
                    sent = os.sendfile(self.connection.fileno(), file, start, size)
                    start, size = start + sent, size - sent
        except OSError:  # whoever asked is gone
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass
