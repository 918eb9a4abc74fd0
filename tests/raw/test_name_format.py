"""Files of other formats are named as what they are."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from small_parts import RECIPE, build

from shardmill.errors import ArrayFormatError, BinaryFileError
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.raw.name_format import name_format
from shardmill.raw.read_idx import read_idx_header

TABLE = pa.table({"a": [1]})


def zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("t.csv", "a,b\n")
    return content.getvalue()


def tarred() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("t.csv"))
    return content.getvalue()


def parquet() -> bytes:
    content = io.BytesIO()
    pq.write_table(TABLE, content)
    return content.getvalue()


def feather() -> bytes:
    content = io.BytesIO()
    pyarrow.feather.write_feather(TABLE, content)
    return content.getvalue()


OTHERS = [
    (zipped(), "a zip archive or workbook", "unpack it"),
    (tarred(), "a tar archive", "unpack it"),
    (parquet(), "Parquet", "name it as parquet = { path = ... }"),
    (feather(), "Arrow IPC", "name it as arrow = { path = ... }"),
    (encode_idx(np.zeros((2, 3), np.uint8)), "an IDX file", "name it as images = { path = ... }"),
    (b"\x89PNG\r\n\x1a\n\0", "a PNG image", "images in files of their own are read"),
]


@pytest.mark.parametrize(("content", "name", "fix"), OTHERS)
def test_in_the_place_of_csv(tmp_path: Path, content: bytes, name: str, fix: str) -> None:
    assert name_format(content) == name
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/train.csv").write_bytes(content)
    with pytest.raises(
        BinaryFileError, match=rf"train.csv: expected a text file, found {name}; {fix}"
    ):
        build(RECIPE, tmp_path / "raw", tmp_path / "out")


@pytest.mark.parametrize(("content", "name", "fix"), [o for o in OTHERS if "IDX" not in o[1]])
def test_in_the_place_of_idx(tmp_path: Path, content: bytes, name: str, fix: str) -> None:
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(ArrayFormatError, match=f"found {name};"):
        read_idx_header(tmp_path / "f", len(content))


@pytest.mark.parametrize("text", ["", "a", "\0a\0b", "PK,1\n", "%PDF,2\n", "BM,3\n", "Rar!,x\n"])
def test_text_is_no_other_format(text: str) -> None:
    for encoding in ("utf-8", "utf-16", "utf-16-be", "utf-32-be"):
        assert name_format(text.encode(encoding)) is None
