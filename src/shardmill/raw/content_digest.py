"""The digest of a raw file, which any number of processes can take together.

The SHA-256 of a file can only be taken from its start to its end. So larger contents are cut into
blocks, and the digest is the SHA-256 of the SHA-256 of each block, as in the tree hash of Amazon S3
Glacier (https://docs.aws.amazon.com/amazonglacier/latest/dev/checksum-calculations.html), with one
level in place of a tree. SHA-256 is in every language, and processors have instructions for it.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from shardmill.errors import ChangedFileError
from shardmill.raw.decompress import unreadable
from shardmill.store.mounts import here

BLOCK_BYTES = 16 * 2**20  # FORMAT.md names this number
# So much is read at a time. It fits into the cache of a core, where it is hashed.
_READ_BYTES = 2**20


class Digest:
    """Takes the digest of content that comes piece by piece.

    Args:
        block_bytes: The size of a block.

    Example:
        >>> digest = Digest()
        >>> digest.update(b"one row")
        >>> digest.hex() == hashlib.sha256(b"one row").hexdigest()
        True
    """

    def __init__(self, block_bytes: int = BLOCK_BYTES) -> None:
        self._block_bytes = block_bytes
        self._blocks: list[bytes] = []
        self._block = hashlib.sha256()
        self._room = block_bytes

    def update(self, piece: bytes | memoryview) -> None:
        """Add content."""
        while piece:
            if not self._room:
                self._close()
            taken, piece = piece[: self._room], piece[self._room :]
            self._block.update(taken)
            self._room -= len(taken)

    def block(self) -> "hashlib._Hash":
        """Return the SHA-256 of the last block so far, to which others may be added."""
        return self._block.copy()

    def blocks(self) -> bytes:
        """Return the SHA-256 of each block so far, 32 bytes each, one after another."""
        return b"".join((*self._blocks, self._block.digest()))

    def hex(self) -> str:
        """Return the digest of the content so far."""
        return joined_digest([self.blocks()])

    def _close(self) -> None:
        self._blocks.append(self._block.digest())
        self._block, self._room = hashlib.sha256(), self._block_bytes


def joined_digest(blocks: Iterable[bytes]) -> str:
    """Return the digest of a content in hexadecimal digits.

    Args:
        blocks: The SHA-256 of its blocks, in their order, any number of them in each element.

    Returns:
        The SHA-256 of a single block itself, or that of the SHA-256 of several blocks. Together
        with the size of the content, it stands for one content alone.
    """
    whole = b"".join(blocks)
    single = len(whole) == hashlib.sha256().digest_size
    return whole.hex() if single else hashlib.sha256(whole).hexdigest()


def digest_of(content: bytes) -> str:
    """Return the digest of a content that is in memory."""
    digest = Digest()
    digest.update(content)
    return digest.hex()


def hash_blocks(path: Path, start: int, stop: int, *, block_bytes: int = BLOCK_BYTES) -> bytes:
    """Return the SHA-256 of the blocks in a range of a file, 32 bytes each.

    Args:
        path: A plain file.
        start: The byte of the file at which the range begins, which is the start of a block.
        stop: The byte after the range, which is the end of a block or of the file.
        block_bytes: The size of a block.

    Raises:
        ChangedFileError: The file has become shorter.
        UnreadableFileError: The file cannot be read.
    """
    digest = Digest(block_bytes)
    _read(path, start, stop, digest)
    return digest.blocks()


def hash_whole(path: Path, size: int, algorithm: str) -> str:
    """Return the checksum of a plain file as recipes write it: `sha256:` or `md5:` and digits.

    Args:
        path: The file.
        size: How many bytes it has.
        algorithm: `sha256` or `md5`.

    Raises:
        ChangedFileError: The file has become shorter.
        UnreadableFileError: The file cannot be read.
    """
    hashed = hashlib.new(algorithm, usedforsecurity=False)
    _read(path, 0, size, hashed)
    return f"{algorithm}:{hashed.hexdigest()}"


def _read(path: Path, start: int, stop: int, into: "Digest | hashlib._Hash") -> None:
    """Hash a range of a file, in memory of a fixed size."""
    try:
        place = here(path)
        with place.open("rb", buffering=0) as file, memoryview(bytearray(_READ_BYTES)) as buffer:
            while start < stop:
                wanted = buffer[: min(stop - start, _READ_BYTES)]
                read = os.preadv(file.fileno(), [wanted], start)
                if not read:
                    raise _shorter(path)
                into.update(wanted[:read])
                start += read
    except OSError as error:
        raise unreadable(path, error) from None


def _shorter(path: Path) -> ChangedFileError:
    return ChangedFileError(
        path,
        expected="the size that it had when the build was planned",
        found="an earlier end",
        fix="leave the file alone while it is read",
    )
