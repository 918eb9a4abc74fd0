"""The digest of a raw file does not depend on who takes it, nor on how much of it at a time."""

import gzip
import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from shardmill.errors import ChangedFileError, UnreadableFileError
from shardmill.raw.content_digest import (
    BLOCK_BYTES,
    Digest,
    digest_of,
    hash_blocks,
    hash_whole,
    joined_digest,
)
from shardmill.raw.plain_file import plain_copy


def by_the_book(content: bytes, block_bytes: int = BLOCK_BYTES) -> str:
    """The digest as FORMAT.md says it."""
    if len(content) <= block_bytes:
        return hashlib.sha256(content).hexdigest()
    starts = range(0, len(content), block_bytes)
    blocks = [content[start : start + block_bytes] for start in starts]
    return hashlib.sha256(b"".join(hashlib.sha256(b).digest() for b in blocks)).hexdigest()


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=99), st.integers(1, 40), st.integers(1, 5), st.data())
def test_any_pieces_and_any_ranges(
    tmp_path_factory: pytest.TempPathFactory,
    content: bytes,
    block: int,
    blocks_in_range: int,
    data: st.DataObject,
) -> None:
    digest, left = Digest(block), content
    while left:
        size = data.draw(st.integers(1, len(left)))
        digest.update(left[:size])
        left = left[size:]
    assert digest.hex() == by_the_book(content, block)
    path = tmp_path_factory.getbasetemp() / "hashed"
    path.write_bytes(content)
    step = block * blocks_in_range
    ranges = [(start, min(start + step, len(content))) for start in range(0, len(content), step)]
    hashes = [hash_blocks(path, start, stop, block_bytes=block) for start, stop in ranges]
    assert joined_digest(hashes) == by_the_book(content, block)


def test_a_few_blocks_however_they_are_stored(tmp_path: Path) -> None:
    for size in (BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES + 5):
        content = b"abc" * (size // 3 + 1)
        (tmp_path / "f").write_bytes(content)
        (tmp_path / "f.gz").write_bytes(gzip.compress(content, 1))
        expected = by_the_book(content)
        assert digest_of(content) == expected
        assert plain_copy(tmp_path / "f", None).digest == expected
        assert plain_copy(tmp_path / "f.gz", tmp_path / "copy").digest == expected


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_published_checksum(tmp_path: Path, algorithm: str) -> None:
    (tmp_path / "f").write_bytes(b"1,2\n" * 500_000)
    whole = hash_whole(tmp_path / "f", 2_000_000, algorithm)
    digits = hashlib.new(algorithm, b"1,2\n" * 500_000).hexdigest()
    assert whole == f"{algorithm}:{digits}"
    assert whole == plain_copy(tmp_path / "f", None, algorithm=algorithm).checksum


def test_a_file_that_has_become_shorter(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    match = "f: expected the size that it had when the build was planned, found an earlier end"
    with pytest.raises(ChangedFileError, match=match):
        hash_blocks(tmp_path / "f", 0, 4)
    with pytest.raises(ChangedFileError, match=match):
        hash_whole(tmp_path / "f", 4, "md5")


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="none: expected a readable file"):
        hash_blocks(tmp_path / "none", 0, 1)
