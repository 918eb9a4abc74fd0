"""Raw files are found, opened and hashed by their content, compressed or not."""

import gzip
import hashlib
import json
import os
from pathlib import Path

import pytest

from shardmill.errors import CompressionError, EmptyFileError, InputError
from shardmill.raw.decompress import file_stat, open_raw
from shardmill.raw.raw_files import (
    SAMPLE_NAME,
    FoundFile,
    find_entry,
    find_raw,
    known_content,
    read_raw,
    sample_digests,
)
from shardmill.recipe.splits import RawFile

CONTENT = bytes(range(256)) * 40


FIND = [
    # path in the recipe, files that are there, the one that is found
    ("d/f.csv", ["d/f.csv"], "d/f.csv"),
    ("d/f.csv", ["d/f.csv.gz"], "d/f.csv.gz"),
    ("d/f.gz", ["d/f"], "d/f"),
    ("d/f.gz", ["d/f", "d/f.gz"], "d/f.gz"),  # the recipe's own name first
    ("d/f.csv", ["d/f.csv", "d/f.csv.gz"], "d/f.csv"),
    ("d/f.csv", ["d/f.csv.zst"], "d/f.csv.zst"),
    ("d/f.csv.gz", ["d/f.csv.zst"], "d/f.csv.zst"),
    ("d/f.csv.zst", ["d/f.csv", "d/f.csv.gz"], "d/f.csv"),
    ("d/f.csv", ["d/f", "d/f.gz", "f.csv"], None),
    ("f", ["f/inside"], None),  # a folder is no raw file
]


@pytest.mark.parametrize(("path", "there", "found"), FIND)
def test_find_raw(tmp_path: Path, path: str, there: list[str], found: str | None) -> None:
    for name in there:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    there_now = find_raw(tmp_path, RawFile(path=path))
    assert (there_now and there_now.path) == (found and tmp_path / found)


EXPAND = [
    # path in the recipe, files that are there, those that are found
    ("f.csv", ["f.csv.gz"], ["f.csv.gz"]),
    ("f.csv", ["g.csv"], []),
    ("d/*.csv", ["d/b.csv", "d/a.csv", "d/c.csv.gz", "e.csv"], ["d/a.csv", "d/b.csv"]),
    ("d/*.csv*", ["d/b.csv", "d/a.csv.gz"], ["d/a.csv.gz", "d/b.csv"]),
    ("d/f?.csv", ["d/f.csv", "d/f1.csv", "d/f10.csv"], ["d/f1.csv"]),
    ("*", ["b", "a", ".hidden", "d/f"], ["a", "b"]),  # a folder is no raw file
    ("[a]*", ["[a]1", "a1"], ["[a]1"]),  # no other patterns
    ("none/*", ["f"], []),
]


@pytest.mark.parametrize(("path", "there", "found"), EXPAND)
def test_expand_raw(tmp_path: Path, path: str, there: list[str], found: list[str]) -> None:
    for name in there:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    there_now = find_entry(tmp_path, RawFile(path=path))
    assert [each.path for each in there_now] == [tmp_path / name for name in found]
    assert all(each.stat == file_stat(each.path) for each in there_now)


@pytest.mark.parametrize("name", ["f", "f.gz"])
@pytest.mark.parametrize("compressed", [True, False])
def test_gzip_is_told_by_content_and_not_by_name(
    tmp_path: Path, name: str, compressed: bool
) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(CONTENT) if compressed else CONTENT)
    with open_raw(path) as file:
        assert file.read() == CONTENT
    raw = read_raw(path, "md5")
    assert raw.bytes == len(CONTENT)
    assert raw.digest == hashlib.sha256(CONTENT).hexdigest()
    assert raw.checksum == f"md5:{hashlib.md5(CONTENT).hexdigest()}"


def test_several_gzip_members_are_one_content(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(gzip.compress(CONTENT[:100]) + gzip.compress(CONTENT[100:]))
    assert read_raw(tmp_path / "f").digest == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize("algorithm", ["sha256", "md5", None])
def test_checksum(tmp_path: Path, algorithm: str | None) -> None:
    (tmp_path / "f").write_bytes(CONTENT)
    raw = read_raw(tmp_path / "f", algorithm)
    digits = hashlib.new(algorithm, CONTENT).hexdigest() if algorithm else ""
    assert raw.checksum == (f"{algorithm}:{digits}" if algorithm else None)
    assert raw.has_checksum(algorithm) and raw.has_checksum(None)
    assert not raw.has_checksum("md5" if algorithm != "md5" else "sha256")


def flipped(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :]


WHOLE = gzip.compress(CONTENT, mtime=0)
DAMAGED = [
    (WHOLE[:2], "nothing after the magic number"),
    (WHOLE[:50], "cut short in the data"),
    (WHOLE[:-1], "cut short in the trailer"),
    (flipped(WHOLE, 2), "another compression method"),
    (flipped(WHOLE, len(WHOLE) // 2), "a flipped byte in the data"),
    (flipped(WHOLE, -6 + len(WHOLE)), "a flipped byte in the checksum"),
    (WHOLE + b"more", "something after the end"),
]


@pytest.mark.parametrize(("content", "_what"), DAMAGED)
def test_damaged_gzip(tmp_path: Path, content: bytes, _what: str) -> None:
    (tmp_path / "f.gz").write_bytes(content)
    with pytest.raises(CompressionError, match=r"f\.gz: expected a whole gzip file, found one"):
        read_raw(tmp_path / "f.gz")


@pytest.mark.parametrize("content", [b"", gzip.compress(b"")])
def test_empty_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(EmptyFileError, match="f: expected at least one row, found an empty file"):
        read_raw(tmp_path / "f")


def test_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="f: expected a readable file, found No such file"):
        read_raw(tmp_path / "f")


def look_at(path: Path) -> FoundFile:
    return FoundFile(path, file_stat(path))


def test_known_content_is_used_while_the_file_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(CONTENT)
    # A mark that no file hashes to shows that the file was not read again.
    known = json.loads(json.dumps({**read_raw(path).to_dict(), "digest": "known"}))
    found = known_content(look_at(path), known)
    assert found is not None
    assert (found.digest, found.bytes, found.readable) == ("known", len(CONTENT), path)


def test_known_content_is_not_used_for_a_changed_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(CONTENT)
    known = {**read_raw(path).to_dict(), "digest": "known"}

    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert known_content(look_at(path), known) is None  # another time

    beside = tmp_path / "beside"
    beside.write_bytes(CONTENT)
    os.utime(beside, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    beside.replace(path)
    assert known_content(look_at(path), known) is None  # the same size and time, another file


def test_sample_digests(tmp_path: Path) -> None:
    assert sample_digests(tmp_path) == frozenset()
    (tmp_path / SAMPLE_NAME).write_text(json.dumps({"files": {"a": "1", "b": "2"}, "seed": 0}))
    assert sample_digests(tmp_path) == {"1", "2"}


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"files": 3}', '{"files": {"a": []}}'])
def test_damaged_list_of_samples(tmp_path: Path, content: str) -> None:
    (tmp_path / SAMPLE_NAME).write_text(content)
    with pytest.raises(InputError, match=r"sample\.json: .*generate the sample again"):
        sample_digests(tmp_path)
