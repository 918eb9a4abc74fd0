"""Images that cannot be read are faults, whatever is wrong with them."""

import os
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from image_files import noise
from PIL import Image

from shardmill.raw.decode_image import ImageFault, decode_image
from shardmill.raw.image_form import ImageForm

RGB = ImageForm(4, 6, 3)


def saved(tmp_path: Path, image: Image.Image, form: str = "PNG", **options: Any) -> Path:
    path = tmp_path / f"image.{form.lower()}"
    image.save(path, form, **options)
    return path


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def changed(content: bytes) -> bytes:
    return content[:60] + bytes([content[60] ^ 255]) + content[61:]


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"])
def test_an_image_that_is_cut_short(tmp_path: Path, form: str) -> None:
    path = saved(tmp_path, Image.fromarray(noise(1, 64, 64, 3)[0]), form)
    path.write_bytes(cut(path.read_bytes()))
    with pytest.raises(ImageFault) as caught:
        decode_image(path, ImageForm(64, 64, 3))
    assert "whole image" in caught.value.expected


def test_a_damaged_png(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(noise(1, 64, 64, 3)[0]))
    path.write_bytes(changed(path.read_bytes()))
    with pytest.raises(ImageFault, match="whole image"):
        decode_image(path, ImageForm(64, 64, 3))


@pytest.mark.parametrize(
    "content", [b"", b"%PDF-1.7 ", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"P6 1 1 255 aaa"]
)
def test_other_formats(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f.png").write_bytes(content)
    with pytest.raises(ImageFault) as caught:
        decode_image(tmp_path / "f.png", RGB)
    assert caught.value.found == "another format, or a damaged start"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ImageFault) as caught:
        decode_image(tmp_path / "f.png", RGB)
    assert caught.value.found == os.strerror(2)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("pixels", [10_000, 20_000])
def test_a_small_file_that_would_fill_the_memory(tmp_path: Path, pixels: int) -> None:
    path = saved(tmp_path, Image.new("1", (6, 4)))
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">2I", pixels, pixels)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
    with pytest.raises(ImageFault) as caught:
        decode_image(path, RGB)
    assert caught.value.expected == "at most 89,478,485 pixels"
