"""stub"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CsvChunk:
    path: Path
    name: Path
    start: int
    stop: int
    line: int

    @property
    def bytes(self) -> int:
        return self.stop - self.start


def csv_chunks(path, options, chunk_bytes=8 * 2**20, *, name=None):
    with path.open("rb") as f:
        pos = 0
        line = 1
        if options.header:
            h = f.readline()
            pos = len(h)
            line = 2
        size = path.stat().st_size
        while pos < size:
            f.seek(pos)
            b = f.read(chunk_bytes)
            n = len(b) if pos + len(b) >= size else b.rfind(b"\n") + 1
            yield CsvChunk(path, name or path, pos, pos + n, line)
            line += b[:n].count(b"\n")
            pos += n
