"""Feeds damaged raw files to the readers: `python tests/support/fuzz_readers.py --seconds 60`.

A file is read, or refused with an InputError. Anything else is a failure: another exception, rows
that depend on how the file was cut, seconds for a small file, memory that grows.
"""

import argparse
import bz2
import gzip
import lzma
import random
import shutil
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pyarrow as pa

from shardmill.errors import InputError
from shardmill.raw.csv.csv_chunks import csv_chunks
from shardmill.raw.csv.read_csv import BadRow, lines_of_rows, parse_chunk
from shardmill.raw.plain_file import plain_copy
from shardmill.raw.read_array import read_array_rows
from shardmill.raw.read_idx import read_idx_header
from shardmill.raw.row_source import SourceColumns
from shardmill.recipe.csv_options import Csv

CASE_S = 5.0
GROWTH_BYTES = 64 * 2**20
WARM_UP_CASES = 500
COLUMNS = SourceColumns(("a", "b", "c"), ("a", "b", "c"), ())
CSV_TEXTS = (
    'a,b,c\n1,x,0.5\n2,"y, z",\n3,"say ""so""",1e9\n',
    'a,b,c\r\n1,"x\r\ny",0.5\r\n\r\n2,é,3\r\n',
    '\ufeffa,b,c\r1,x,2\r3,5" pipe,4\r',
    "c,b,a\n" + "".join(f'{n},"row {n}",{n * n}\n' for n in range(200)),
    '"a","b","c"\n' + '"1","' + "long " * 2000 + '","x"\n' + "2,\\n,z\n" * 20,
)
ENCODINGS = (
    "utf-8",
    "utf-8",
    "utf-8",
    "utf-8-sig",
    "latin-1",
    "cp1252",
    "utf-16",
    "utf-7",
    "gb18030",
)
TOKENS = (
    b'"', b'""', b'",', b',"', b",", b"\n", b"\r", b"\r\n", b'"\n', b"\0", b"\xff", b"\xc3",
    b"\xef\xbb\xbf", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh91AY&SY", b"\xfd7zXZ\0", b"PK\x03\x04",
    b"\\", b" ", b"a,b,c\n",
)  # fmt: skip


@dataclass
class Tally:
    """What came of the cases."""

    read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failed: list[Path] = field(default_factory=list)
    slowest_s: float = 0.0
    grown_bytes: int = 0

    def __str__(self) -> str:
        refused = ", ".join(f"{name} {n:,}" for name, n in self.refused.most_common())
        return (
            f"{self.read + self.refused.total() + len(self.failed):,} cases: {self.read:,} read, "
            f"{self.refused.total():,} refused ({refused}), {len(self.failed)} failed; slowest "
            f"{self.slowest_s:.2f} CPU s, {self.grown_bytes / 2**20:.1f} MiB more memory at the end"
        )


def valid_file(draw: random.Random) -> tuple[str, bytes, str | None]:
    """Return the suffix of a valid file, its content before compression, and its encoding."""
    if draw.random() < 0.6:
        encoding = draw.choice(ENCODINGS)
        return "csv", draw.choice(CSV_TEXTS).encode(encoding, "replace"), encoding
    code, width = draw.choice([(0x08, 1), (0x0B, 2), (0x0C, 4), (0x0D, 4), (0x0E, 8)])
    shape = [draw.randint(1, 6) for _ in range(draw.randint(1, 4))]
    size = width
    for n in shape:
        size *= n
    header = struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)
    return "idx", header + draw.randbytes(size), None


def mutate(draw: random.Random, content: bytes) -> bytes:
    """Return the content with some damage."""
    data = bytearray(content)
    for _ in range(draw.choice([0, 1, 1, 1, 2, 3, 8])):
        at = draw.randrange(len(data) + 1) if draw.random() < 0.7 else draw.randrange(24)
        at = min(at, len(data))
        some = data[at : at + draw.choice([1, 2, 4, 16, 256])]
        match draw.choice(["flip", "cut", "insert", "token", "token", "repeat", "drop", "field"]):
            case "flip" if at < len(data):
                data[at] ^= 1 << draw.randrange(8)
            case "cut":
                del data[at:]
            case "insert":
                data[at:at] = draw.randbytes(draw.choice([1, 1, 2, 16]))
            case "token":
                data[at:at] = draw.choice(TOKENS)
            case "repeat":
                data[at:at] = some * draw.choice([1, 2, 100])
            case "drop":
                del data[at : at + len(some)]
            case "field":
                number = draw.choice([0, 1, 255, 2**16, 2**31 - 1, 2**31, 2**32 - 1])
                data[at : at + 4] = number.to_bytes(4, "big")
    return bytes(data)


def write_case(draw: random.Random, folder: Path) -> tuple[Path, str | None]:
    """Write a damaged file, compressed or not; return it and its encoding."""
    suffix, content, encoding = valid_file(draw)
    if draw.random() < 0.8:
        content = mutate(draw, content)
    compression = draw.choice(["", "", "gzip", "members", "zstd", "bzip2", "xz"])
    if compression == "gzip":
        content = gzip.compress(content, draw.choice([0, 1, 6]), mtime=0)
    elif compression == "members":
        cut = draw.randrange(len(content) + 1)
        content = gzip.compress(content[:cut], 1, mtime=0) + gzip.compress(
            content[cut:], 1, mtime=0
        )
    elif compression == "zstd":
        content = pa.compress(content, "zstd", asbytes=True)
    elif compression == "bzip2":
        content = bz2.compress(content, 1)
    elif compression == "xz":
        content = lzma.compress(content, preset=0)
    if compression and draw.random() < 0.5:
        content = mutate(draw, content)
    path = folder / f"case.{suffix}"
    path.write_bytes(content)
    return path, encoding


def read_case(draw: random.Random, path: Path, encoding: str | None) -> None:
    """Read a file as a build does."""
    plain = plain_copy(
        path,
        path.with_suffix(".plain"),
        encoding=encoding,
        algorithm="md5" if draw.random() < 0.2 else None,
    )
    if path.suffix == ".idx":
        header = read_idx_header(plain.path, plain.bytes)
        rows = draw.randint(1, 4)
        for start in range(0, header.shape[0], rows):
            read_array_rows(plain.path, header, start, min(start + rows, header.shape[0]))
        return
    options = Csv(
        header=draw.random() < 0.7,
        delimiter=draw.choice(",,,,;\t "),
        on_bad_row=draw.choice(["fail", "quarantine", "quarantine"]),
    )
    pieces = read_rows(plain.path, options, draw.randint(1, 300))
    whole = read_rows(plain.path, options, 2**20)
    assert list(pieces) == list(whole), "rows depend on the chunks"


def read_rows(path: Path, options: Csv, chunk_bytes: int) -> Iterator[tuple[object, ...]]:
    """Yield the good rows with their lines, and after those of each chunk the bad ones."""
    bad: list[BadRow] = []
    for chunk in csv_chunks(path, options, COLUMNS, chunk_bytes):
        parsed = parse_chunk(chunk, COLUMNS)
        lines = lines_of_rows(chunk, range(len(parsed.table)))
        for line, row in zip(lines, parsed.table.to_pylist(), strict=True):
            yield line, *row.values()
        bad += parsed.bad
    yield tuple(bad)


def run_case(seed: str, folder: Path, tally: Tally, failures: Path) -> None:
    """Read one file, and keep it in `failures` if that went wrong."""
    draw = random.Random(seed)
    path, encoding = write_case(draw, folder)
    start_s = time.process_time()  # what else the machine does is no fault of ours
    fault = None
    try:
        read_case(draw, path, encoding)
        tally.read += 1
    except InputError as error:
        tally.refused[type(error).__name__] += 1
    except Exception:  # any other one is what is looked for
        fault = traceback.format_exc()
    case_s = time.process_time() - start_s
    tally.slowest_s = max(tally.slowest_s, case_s)
    if case_s > CASE_S:
        fault = f"{case_s:.1f} s of CPU time"
    if fault is not None:
        failures.mkdir(parents=True, exist_ok=True)
        kept = failures / f"{seed}-{path.name}"
        shutil.copyfile(path, kept)
        kept.with_name(f"{kept.name}.txt").write_text(f"encoding {encoding}\n{fault}")
        print(f"FAILED {kept}\n{fault}", flush=True)
        tally.failed.append(kept)


def resident_bytes() -> int:
    """Return the memory that this process holds; 0 where /proc does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * 4096


def fuzz(seed: int, failures: Path, *, cases: int | None = None, seconds: float = 0) -> Tally:
    """Run so many cases, or as many as the seconds are good for."""
    tally, warm_bytes, told_s = Tally(), 0, time.monotonic()
    stop_s = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="shardmill-fuzz-") as folder:
        for number in count():
            now_s = time.monotonic()
            if number == cases or (cases is None and now_s > stop_s):
                break
            if number == WARM_UP_CASES:
                warm_bytes = resident_bytes()
            if now_s > told_s + 60:
                told_s = now_s
                print(tally, flush=True)
            run_case(f"{seed}-{number}", Path(folder), tally, failures)
            if warm_bytes:
                tally.grown_bytes = resident_bytes() - warm_bytes
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None, help="drawn if not given")
    parser.add_argument("--failures", type=Path, default=Path("runs/fuzz"))
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    tally = fuzz(seed, options.failures, seconds=options.seconds)
    print(tally)
    if tally.failed or tally.grown_bytes > GROWTH_BYTES:
        sys.exit(1)


if __name__ == "__main__":
    main()
