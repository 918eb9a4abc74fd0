"""Files that are not the ones that were written."""

from pathlib import Path

import pytest
import xxhash

from shardmill.errors import DamagedFileError
from shardmill.format.manifest import FileRecord
from shardmill.format.read_checked import read_checked


def record(path: str, content: bytes = b"whole") -> FileRecord:
    digest = xxhash.xxh3_128_hexdigest(content)
    return FileRecord(path=path, bytes=len(content), xxh3_128=digest)


def test_the_file_that_was_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"whole")
    assert read_checked(tmp_path, record("file")) == b"whole"


@pytest.mark.parametrize("path", ["none", "folder", "file/below", "é" * 1_000, "other"])
def test_others(tmp_path: Path, path: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"whole")
    (tmp_path / "other").write_bytes(b"cut")
    found = "3 bytes" if path == "other" else "0 bytes"
    with pytest.raises(DamagedFileError, match=f"expected 5 bytes with .*found {found} with"):
        read_checked(tmp_path, record(path))
