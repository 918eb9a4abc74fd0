"""Raw files become plain: decompressed, in UTF-8, hashed as they were published."""

import bz2
import gzip
import hashlib
import io
import lzma
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from csv_laws import columns_of
from hypothesis import HealthCheck, assume, example, given, settings, strategies as st

from shardmill.errors import (
    CompressionError,
    EmptyFileError,
    EncodingError,
    InputError,
    OutputError,
)
from shardmill.raw import plain_file
from shardmill.raw.content_digest import BLOCK_BYTES, digest_of
from shardmill.raw.csv.csv_chunks import csv_chunks
from shardmill.raw.csv.read_csv import parse_chunk
from shardmill.raw.decompress import open_raw
from shardmill.raw.plain_file import is_plain, plain_copy
from shardmill.raw.read_idx import promised_bytes
from shardmill.recipe.csv_options import Csv

TEXT = "1,café\n2,€\n"


def zstd(content: bytes) -> bytes:
    compressed: bytes = pa.compress(content, "zstd", asbytes=True)
    return compressed


ZSTD = zstd(bytes(range(256)) * 40)
COPIES = [
    # content of the raw file, its encoding, whether a copy is made
    (TEXT.encode(), "utf-8", False),
    (TEXT.encode(), "UTF8", False),
    (TEXT.encode("utf-8-sig"), "utf-8-sig", False),
    (TEXT.encode(), None, False),
    (TEXT.encode("utf-16"), None, False),
    (TEXT.encode("utf-16"), "utf-16", True),
    (TEXT.encode("utf-16-le"), "utf-16-le", True),
    (TEXT.encode("cp1252"), "cp1252", True),
    (gzip.compress(TEXT.encode()), "utf-8", True),
    (gzip.compress(TEXT.encode()[:5]) + gzip.compress(TEXT.encode()[5:]), "utf-8", True),
    (gzip.compress(TEXT.encode()) + b"\0" * 512, "utf-8", True),  # padding of a tape
    (gzip.compress(TEXT.encode("utf-16")), "utf-16", True),
    (zstd(TEXT.encode()), "utf-8", True),
    (lzma.compress(TEXT.encode()), "utf-8", True),
    (lzma.compress(TEXT.encode()[:5]) + lzma.compress(TEXT.encode()[5:]), "utf-8", True),
    (bz2.compress(TEXT.encode()), "utf-8", True),
    (bz2.compress(TEXT.encode()[:5]) + bz2.compress(TEXT.encode()[5:]), "utf-8", True),
    (zstd(TEXT.encode()[:5]) + zstd(TEXT.encode()[5:]), None, True),
    (zstd(TEXT.encode("cp1252")), "cp1252", True),
]


@pytest.mark.parametrize(("content", "encoding", "copied"), COPIES)
def test_plain_copy(tmp_path: Path, content: bytes, encoding: str | None, copied: bool) -> None:
    path, target = tmp_path / "f", tmp_path / "copy"
    path.write_bytes(content)
    plain = plain_copy(path, target, encoding=encoding, algorithm="md5")
    with open_raw(path) as file:
        published = file.read()
    assert plain.bytes == len(published)
    assert plain.digest == hashlib.sha256(published).hexdigest()
    assert plain.checksum == f"md5:{hashlib.md5(published).hexdigest()}"
    assert plain.path == (target if copied else path)
    assert target.exists() == copied
    assert is_plain(path, encoding) == (not copied)
    if encoding is not None:
        assert plain.path.read_bytes().decode("utf-8-sig") == TEXT
    else:
        assert plain.path.read_bytes() == published


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
@pytest.mark.parametrize("size", [1, BLOCK_BYTES - 1, BLOCK_BYTES, 2 * BLOCK_BYTES + 1])
def test_the_checksum_is_that_of_the_whole(tmp_path: Path, size: int, algorithm: str) -> None:
    content = b"row" * (size // 3) + b"." * (size % 3)
    (tmp_path / "raw").write_bytes(content)
    plain = plain_copy(tmp_path / "raw", None, encoding=None, algorithm=algorithm)
    assert plain.checksum == f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
    assert plain.digest == digest_of(content)


def test_md5_and_copy_are_made_only_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(gzip.compress(TEXT.encode()))
    plain = plain_copy(tmp_path / "f", None)
    assert plain.checksum is None
    assert plain.path == tmp_path / "f"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example("\u0901", 1, "utf-32-be", bytes)  # the first bytes of an IDX file
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    repeat=st.sampled_from([1, 100_000]),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-32-be", "gb18030", "utf-7"]),
    compress=st.sampled_from([bytes, gzip.compress, zstd, lzma.compress, bz2.compress]),
)
def test_any_text_comes_out_in_utf_8(
    tmp_path: Path, text: str, repeat: int, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "f"
    content = compress((text * repeat).encode(encoding))
    assume(compress is not bytes or not content.startswith((b"\x1f\x8b", ZSTD[:4])))
    path.write_bytes(content)
    plain = plain_copy(path, tmp_path / "copy", encoding=encoding)
    assert plain.path.read_bytes() == (text * repeat).encode()


ENCODINGS = [
    # content, encoding, line of the fault
    (b"a\nb\n\x81\n", "cp1252", 3),
    ("a\nb\n".encode("utf-16-le") + b"\x00\xd8\n\x00", "utf-16-le", 3),  # half a surrogate pair
    ("a\r\nb\r".encode("utf-16") + b"x", "utf-16", 3),  # an odd number of bytes
    (b"a\n" * 2**20 + b"\xff\n", "ascii", 2**20 + 1),  # past the first block
    (gzip.compress(b"a\n\xff"), "shift_jis", 2),
    (b"a\n\\ud800", "unicode_escape", 2),  # what cannot be written
]


@pytest.mark.parametrize(("content", "encoding", "line"), ENCODINGS)
def test_bytes_that_are_not_in_the_encoding(
    tmp_path: Path, content: bytes, encoding: str, line: int
) -> None:
    (tmp_path / "f").write_bytes(content)
    message = rf"f, line {line}: expected {encoding}, found bytes that are not \(.*`encoding`"
    with pytest.raises(EncodingError, match=message):
        plain_copy(tmp_path / "f", tmp_path / "copy", encoding=encoding)
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    "content", [ZSTD[:4], ZSTD[:20], ZSTD[:-1], ZSTD + b"more", ZSTD[:5] + b"\xff" * 9 + ZSTD[14:]]
)
def test_damaged_zstd(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(CompressionError, match="f: expected a whole zstd file, found one"):
        plain_copy(tmp_path / "f", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    ("content", "name"),
    [(lzma.compress(TEXT.encode()), "xz"), (bz2.compress(TEXT.encode()), "bzip2")],
)
def test_damaged_xz_and_bzip2(tmp_path: Path, content: bytes, name: str) -> None:
    for damaged in (content[:-3], content[:20] + b"\xff" + content[21:]):
        (tmp_path / "f").write_bytes(damaged)
        with pytest.raises(CompressionError, match=f"f: expected a whole {name} file, found one"):
            plain_copy(tmp_path / "f", tmp_path / "copy")
        assert not (tmp_path / "copy").exists()


def test_text_that_begins_like_bzip2(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"BZh1,2\n")
    assert plain_copy(tmp_path / "f", None).bytes == 7


def test_content_that_is_longer_than_its_header_says(tmp_path: Path) -> None:
    header = bytes([0, 0, 8, 1, 0, 0, 0, 5])
    for extra in (0, 1, 10_000_000):
        (tmp_path / "f").write_bytes(gzip.compress(header + bytes(5 + extra)))
        if not extra:
            copy = plain_copy(tmp_path / "f", None, encoding=None, promised=promised_bytes)
            assert copy.bytes == 13
            continue
        with pytest.raises(CompressionError, match="expected 13 bytes after decompression"):
            plain_copy(tmp_path / "f", tmp_path / "copy", encoding=None, promised=promised_bytes)
        assert not (tmp_path / "copy").exists()


def test_a_copy_leaves_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_bytes(gzip.compress(bytes(3_000_000)))
    monkeypatch.setattr(plain_file, "_LOOK_BYTES", 2**20)
    plain_copy(tmp_path / "f", tmp_path / "copy")
    monkeypatch.setattr(plain_file, "_FREE_BYTES", 2**60)
    with pytest.raises(OutputError, match="would be left free; make room"):
        plain_copy(tmp_path / "f", tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("content", [b"", gzip.compress(b""), zstd(b""), bz2.compress(b"")])
def test_empty_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(EmptyFileError, match="f: expected at least one row, found an empty file"):
        plain_copy(tmp_path / "f", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none: expected a readable file, found No such file"):
        plain_copy(tmp_path / "none", None)
    with pytest.raises(InputError, match="expected a readable file, found Is a directory"):
        plain_copy(tmp_path, None)
    (tmp_path / "f").write_bytes(gzip.compress(b"x"))
    with pytest.raises(OutputError, match=r"copy: .*No such file"):
        plain_copy(tmp_path / "f", tmp_path / "none" / "copy")


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstd, lzma.compress, bz2.compress])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_csv_in_any_compression_and_encoding(
    tmp_path: Path, compress: Callable[[bytes], bytes], encoding: str
) -> None:
    text = io.StringIO(newline="")
    text.write('a,b\r\n1,"é\r\nü"\r\n2,ß\r\n')
    (tmp_path / "f").write_bytes(compress(text.getvalue().encode(encoding)))
    options = Csv(encoding=encoding)
    plain = plain_copy(tmp_path / "f", tmp_path / "plain", encoding=encoding)
    columns = columns_of("a", "b", wanted=("b",))
    (chunk,) = csv_chunks(plain.path, options, columns)
    table, bad = parse_chunk(chunk, columns)
    assert bad == ()
    assert table.to_pydict() == {"b": ["é\r\nü", "ß"]}


def test_copy_for_which_there_is_no_room(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(gzip.compress(bytes(400_000)))
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from shardmill.raw.plain_file import plain_copy\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "plain_copy(Path(sys.argv[1]) / 'f', Path(sys.argv[1]) / 'copy', encoding=None)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert "OutputError" in ended.stderr
    assert "File too large" in ended.stderr
    assert not (tmp_path / "copy").exists()
