"""Images become the pixels that Pillow reads, and nothing of them is lost without a word."""

import struct
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from shardmill.raw.decode_image import ImageFault, decode_image, form_of
from shardmill.raw.image_form import ImageForm

Array = npt.NDArray[np.uint8]
SHAPE = (4, 6)
RGB = ImageForm(*SHAPE, 3)
GREY = ImageForm(*SHAPE, 1)
GREYED = ImageForm(*SHAPE, 1, may_lose_colour=True)


def noise(*shape: int) -> Array:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def saved(tmp_path: Path, image: Image.Image, form: str = "PNG", **options: Any) -> Path:
    path = tmp_path / f"image.{form.lower()}"
    image.save(path, form, **options)
    return path


def decoded(tmp_path: Path, image: Image.Image, form: ImageForm = RGB) -> Array:
    return decode_image(saved(tmp_path, image), form)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "JPEG"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_every_format(tmp_path: Path, form: str, mode: str) -> None:
    image = Image.fromarray(noise(*SHAPE, 3)).quantize(8).convert(mode)
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    path = saved(tmp_path, image, form, **options)
    found = decode_image(path, RGB)
    with Image.open(path) as read:
        expected = np.asarray(read.convert("RGB")).transpose(2, 0, 1)
    np.testing.assert_array_equal(found, expected)
    if form != "JPEG":
        np.testing.assert_array_equal(expected, np.asarray(image.convert("RGB")).transpose(2, 0, 1))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))
def test_a_png_holds_what_was_written(height: int, width: int, channels: int) -> None:
    pixels = noise(channels, height, width)
    image = Image.fromarray(pixels[0] if channels == 1 else pixels.transpose(1, 2, 0))
    with TemporaryDirectory() as folder:
        found = decoded(Path(folder), image, ImageForm(height, width, channels))
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_turns_the_image(tmp_path: Path, form: str, orientation: int) -> None:
    upright = Image.new("L", (16, 24), 0)
    upright.paste(255, (0, 0, 8, 12))  # the upper left quarter is white
    turns = Image.Transpose
    undo = {
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_90,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, stored, form, exif=exif)
    assert form_of(path)[1:] == (24, 16)
    found = decode_image(path, ImageForm(24, 16, 1, may_lose_colour=True))
    assert np.abs(found[0].astype(int) - np.asarray(upright)).max() < 40


def test_exif_that_cannot_be_read_turns_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.new("RGB", (6, 4)), "JPEG", exif=b"Exif\0\0II*\0\xff\xff")
    assert decode_image(path, RGB).shape == (3, 4, 6)


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    pixels = noise(*SHAPE)
    found = decoded(tmp_path, Image.fromarray(pixels))
    np.testing.assert_array_equal(found, np.stack([pixels] * 3))


def test_colours_become_grey_only_if_the_recipe_says_so(tmp_path: Path) -> None:
    image = Image.fromarray(noise(*SHAPE, 3))
    with pytest.raises(ImageFault) as caught:
        decoded(tmp_path, image, GREY)
    assert caught.value.found == "one with colours" and "channels" in caught.value.fix
    found = decoded(tmp_path, image, GREYED)
    np.testing.assert_array_equal(found[0], np.asarray(image.convert("L")))


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    image = Image.fromarray(noise(*SHAPE, 3)).quantize(5)
    assert image.mode == "P"
    found = decoded(tmp_path, image)
    np.testing.assert_array_equal(found, np.asarray(image.convert("RGB")).transpose(2, 0, 1))
    grey = decoded(tmp_path, image, GREYED)
    np.testing.assert_array_equal(grey[0], np.asarray(image.convert("RGB").convert("L")))


def test_black_and_white_is_0_and_255(tmp_path: Path) -> None:
    image = Image.fromarray(noise(*SHAPE)).convert("1")
    found = decoded(tmp_path, image, GREY)
    np.testing.assert_array_equal(found[0], np.asarray(image) * np.uint8(255))


def transparent(alpha: int, mode: str) -> Image.Image:
    image = Image.fromarray(noise(*SHAPE, 3)).convert(mode)
    image.putalpha(alpha)
    return image


@pytest.mark.parametrize(("mode", "form"), [("RGB", RGB), ("L", GREY)])
def test_alpha_that_hides_nothing_goes(tmp_path: Path, mode: str, form: ImageForm) -> None:
    image = transparent(255, mode)
    found = decoded(tmp_path, image, form)
    flat = np.asarray(image.convert(mode)).reshape(*SHAPE, -1).transpose(2, 0, 1)
    np.testing.assert_array_equal(found, flat)


@pytest.mark.parametrize(("mode", "form"), [("RGB", RGB), ("L", GREY)])
def test_transparent_images_need_a_background(tmp_path: Path, mode: str, form: ImageForm) -> None:
    with pytest.raises(ImageFault) as caught:
        decoded(tmp_path, transparent(254, mode), form)
    assert caught.value.expected == "an image without transparent pixels"
    for background, value in (("black", 0), ("white", 255)):
        on = ImageForm(*SHAPE, form.channels, background=background)  # type: ignore[arg-type]
        assert (decoded(tmp_path, transparent(0, mode), on) == value).all()


def test_a_transparent_colour_of_a_palette(tmp_path: Path) -> None:
    image = Image.new("P", (6, 4), 1)
    image.putpalette([10, 20, 30, 40, 50, 60])
    path = saved(tmp_path, image, transparency=0)  # no pixel has it
    assert decode_image(path, RGB)[:, 0, 0].tolist() == [40, 50, 60]
    path = saved(tmp_path, image, transparency=1)
    with pytest.raises(ImageFault):
        decode_image(path, RGB)


def png(depth: int, colours: int, row: bytes) -> bytes:
    """A PNG of one row, which Pillow itself does not write for all depths."""

    def piece(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = struct.pack(">IIBBBBB", 6, 1, depth, colours, 0, 0, 0)
    content = zlib.compress(b"\0" + row)
    return (
        b"\x89PNG\r\n\x1a\n" + piece(b"IHDR", head) + piece(b"IDAT", content) + piece(b"IEND", b"")
    )


@pytest.mark.parametrize("colours", [0, 2, 4, 6])
def test_sixteen_bits_are_not_cut_to_eight(tmp_path: Path, colours: int) -> None:
    samples = {0: 1, 2: 3, 4: 2, 6: 4}[colours]
    (tmp_path / "f.png").write_bytes(png(16, colours, bytes(range(12 * samples))))
    with pytest.raises(ImageFault) as caught:
        decode_image(tmp_path / "f.png", ImageForm(1, 6, 3))
    assert caught.value.found == "samples of 16 bits"


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32"])
def test_numbers_of_a_tiff(tmp_path: Path, dtype: str) -> None:
    path = saved(tmp_path, Image.fromarray(np.ones(SHAPE, dtype)), "TIFF")
    with pytest.raises(ImageFault) as caught:
        decode_image(path, GREY)
    assert caught.value.expected == "samples of 8 bits"


def test_four_bits_are_spread_over_eight(tmp_path: Path) -> None:
    (tmp_path / "f.png").write_bytes(png(4, 0, bytes([0x01, 0x7F, 0xFF])))
    assert decode_image(tmp_path / "f.png", ImageForm(1, 6, 1))[0, 0].tolist() == [
        0, 17, 119, 255, 255, 255
    ]  # fmt: skip


@pytest.mark.parametrize(("height", "width"), [(4, 6), (6, 4), (40, 9), (9, 40), (5, 5), (3, 2)])
@pytest.mark.parametrize("size", [(8, 8), (4, 6), (10, 3)])
def test_sizes(tmp_path: Path, height: int, width: int, size: tuple[int, int]) -> None:
    image = Image.fromarray(noise(height, width, 3))

    def made(resize: Any) -> Array:
        return decoded(tmp_path, image, ImageForm(*size, 3, resize))

    def as_rows(image: Image.Image) -> Array:
        return np.asarray(image).transpose(2, 0, 1)

    bilinear = Image.Resampling.BILINEAR
    stretched = image.resize(size[::-1], bilinear)
    np.testing.assert_array_equal(made("stretch"), as_rows(stretched))
    if (height, width) == size:
        np.testing.assert_array_equal(made("crop"), as_rows(image))
        np.testing.assert_array_equal(made("pad"), as_rows(image))
        return
    ratio = max(size[0] / height, size[1] / width)
    filled = image.resize((int(width * ratio + 1e-9), int(height * ratio + 1e-9)), bilinear)
    top, left = round((filled.height - size[0]) / 2), round((filled.width - size[1]) / 2)
    cropped = np.asarray(filled)[top : top + size[0], left : left + size[1]]
    np.testing.assert_array_equal(made("crop"), cropped.transpose(2, 0, 1))
    ratio = min(size[0] / height, size[1] / width)
    inner = (max(int(width * ratio + 1e-9), 1), max(int(height * ratio + 1e-9), 1))
    padded = made("pad")
    top, left = -round((inner[1] - size[0]) / 2), -round((inner[0] - size[1]) / 2)
    inside = padded[:, top : top + inner[1], left : left + inner[0]]
    np.testing.assert_array_equal(inside, as_rows(image.resize(inner, bilinear)))
    assert padded.astype(int).sum() == inside.astype(int).sum()  # the rest is black


def test_another_size_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ImageFault) as caught:
        decoded(tmp_path, Image.new("RGB", (6, 5)))
    assert caught.value.found == "one of 5 x 6" and "resize" in caught.value.fix


def test_a_crop_of_a_line_does_not_fill_the_memory(tmp_path: Path) -> None:
    with pytest.raises(ImageFault) as caught:
        decoded(tmp_path, Image.new("RGB", (30_000, 1)), ImageForm(5000, 5000, 3, "crop"))
    assert caught.value.expected == "an image whose sides differ less"


@pytest.mark.parametrize(
    ("image", "form"),
    [
        (Image.new("L", (6, 4)), (1, 4, 6)),
        (Image.new("LA", (6, 4)), (1, 4, 6)),
        (Image.new("1", (6, 4)), (1, 4, 6)),
        (Image.new("RGBA", (6, 4)), (3, 4, 6)),
        (Image.new("P", (6, 4)), (3, 4, 6)),
    ],
)
def test_the_form_of_the_first_image(
    tmp_path: Path, image: Image.Image, form: tuple[int, int, int]
) -> None:
    assert form_of(saved(tmp_path, image)) == form


def test_cmyk_becomes_rgb_as_pillow_converts_it(tmp_path: Path) -> None:
    image = Image.fromarray(noise(*SHAPE, 4), "CMYK")
    path = saved(tmp_path, image, "TIFF")
    expected = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    np.testing.assert_array_equal(decode_image(path, RGB), expected)
