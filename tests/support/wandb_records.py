"""What is in a .wandb file: the records of a run that was offline.

The library itself reads such a file only to send it to a server, so its framing is taken apart
here: that of LevelDB's logs, blocks of 32 KiB with checksums, behind a head of seven bytes. What
the records mean is left to the library's own messages.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BLOCK = 32 * 1024
_HEAD = 7  # crc32 of type and content, length, type
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


def read_records(file: Path) -> list[Any]:
    """Return the records of a file, each a `Record` of the library."""
    from wandb.proto import wandb_internal_pb2

    content = file.read_bytes()
    assert content[:4] == b":W&B"
    record: Any = wandb_internal_pb2
    return [record.Record.FromString(found) for found in _frames(content)]


def _frames(content: bytes) -> Iterator[bytes]:
    place, parts = 7, [b""]
    while place < len(content):
        left = _BLOCK - place % _BLOCK
        if left < _HEAD:
            place += left
            continue
        crc, size = (int.from_bytes(content[place + a : place + b], "little") for a, b in _FIELDS)
        kind = content[place + 6]
        part = content[place + _HEAD : place + _HEAD + size]
        assert zlib.crc32(part, zlib.crc32(bytes([kind]))) == crc
        parts = [part] if kind in (_WHOLE, _FIRST) else [*parts, part]
        if kind in (_WHOLE, _LAST):
            yield b"".join(parts)
        place += _HEAD + size


_FIELDS = ((0, 4), (4, 6))
