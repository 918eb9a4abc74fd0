"""Decodes images with Pillow, and brings them to one size and one number of channels.

Nothing is lost without a word: alpha, colours and the lower half of 16-bit samples are kept, or the
image is a fault, unless the recipe says what becomes of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shardmill.optional_library import optional_library
from shardmill.raw.image_form import ImageForm

if TYPE_CHECKING:
    from PIL.Image import Image

# Pillow's names of the formats. Others of its plugins would run programs, or have never been meant
# for datasets.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
# Pillow warns of an image with more pixels, since a small file may hold a huge one. In memory, they
# take 270 MB.
MOST_PIXELS = 89_478_485
# The rotation of an image may stand in any of these.
_WITH_ORIENTATION = ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif")
# The tag of the rotation, and what turns an image upright for each value but 1: see 4.6.5.1.6 of
# https://www.cipa.jp/std/documents/download_e.html?CIPA_DC-008-2024-E.
_ORIENTATION = 0x0112
_TURNS: dict[object, str] = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
# Pillow's modes.
_GREY, _ALL_GREY = ("L", "1"), ("L", "1", "LA", "La")
_WITH_ALPHA = ("LA", "La", "RGBA", "RGBa", "PA")


class ImageFault(Exception):  # noqa: N818  it never reaches a user: see `shardmill.kinds.image`
    """An image that cannot be read, or is not as the recipe says.

    Attributes:
        expected, found, fix: What the error for the user will say.
    """

    def __init__(self, expected: str, found: str, fix: str) -> None:
        self.expected = expected
        self.found = found
        self.fix = fix
        super().__init__(expected, found, fix)


def decode_image(file: Path, form: ImageForm) -> npt.NDArray[np.uint8]:
    """Return the image in a file, [channels, height, width].

    Of a file with several images, the first one is taken. It is turned as its EXIF data says.

    Args:
        file: The file: PNG, JPEG, WebP, BMP, TIFF or GIF.
        form: What the image is brought to.

    Raises:
        ImageFault: The image cannot be read, or is not of this form.
    """
    with _opened(file) as image:
        return pixels_of(image, form)


def pixels_of(image: "Image", form: ImageForm) -> npt.NDArray[np.uint8]:
    """Return an image of Pillow as [channels, height, width]; see `decode_image`.

    Raises:
        ImageFault: The image is not of this form.
    """
    _check_depth(image)
    image = _in_form(_upright(image), form)
    flat = np.frombuffer(image.tobytes(), np.uint8)
    return flat.reshape(form.height, form.width, form.channels).transpose(2, 0, 1)


def form_of(file: Path) -> tuple[int, int, int]:
    """Return the channels, the height and the width of the image in a file.

    Raises:
        ImageFault: The image cannot be read.
    """
    with _opened(file) as image:
        width, height = _upright(image).size
        return (1 if image.mode in _ALL_GREY else 3, height, width)


@contextmanager
def _opened(file: Path) -> Iterator["Image"]:
    """Give the image in a file.

    Raises:
        ImageFault: The image cannot be read.
    """
    try:
        # Pillow would map a file that it opens itself, and then turn some TIFF images wrongly.
        with file.open("rb") as content, pillow().open(content, formats=FORMATS) as image:
            _check_pixels(image)
            _check_depth(image)
            image.load()
            yield image
    except ImageFault:
        raise
    except Exception as error:  # whatever Pillow's plugins raise for a damaged file
        raise _unreadable(error) from None


def pillow() -> Any:
    """Return the module `PIL.Image`.

    Raises:
        MissingLibraryError: Pillow is not installed.
    """
    where = "images in files of their own"
    return optional_library("PIL.Image", where=where, extra="images", name="Pillow")


def _check_pixels(image: "Image") -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        found = f"{width:,} x {height:,}"
        raise ImageFault(f"at most {MOST_PIXELS:,} pixels", found, "make the image smaller")


def _check_depth(image: "Image") -> None:
    """Refuse samples of more than 8 bits. Pillow would cut those of colours without a word."""
    modes = [image.mode]
    for tile in getattr(image, "tile", ()):
        arguments = tile[3]
        modes += [arguments] if isinstance(arguments, str) else map(str, arguments or ())
    # The 16 bits of BGR;16 are those of a whole pixel.
    deep = any(";16" in mode and not mode.startswith("BGR") for mode in modes)
    if deep or image.mode in ("I", "F"):
        bits = "16" if deep else "32"
        fix = "convert the image to 8 bits, or keep arrays of the samples in an .npy"
        raise ImageFault("samples of 8 bits", f"samples of {bits} bits", fix)


def _upright(image: "Image") -> "Image":
    """Return an image turned as its EXIF data says. Data that cannot be read turns nothing."""
    if not any(key in image.info for key in _WITH_ORIENTATION):
        return image
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:
        return image
    name = _TURNS.get(orientation)
    return image if name is None else image.transpose(pillow().Transpose[name])


def _in_form(image: "Image", form: ImageForm) -> "Image":
    image = _opaque(image, form)
    mode = "L" if form.channels == 1 else "RGB"
    if image.mode != mode:
        if mode == "L" and image.mode not in _GREY and not form.may_lose_colour:
            fix = 'set channels = "grey" or "rgb" in the recipe'
            raise ImageFault("a grey image, as the first one is", "one with colours", fix)
        if image.mode == "P" and mode == "L":
            image = image.convert("RGB")
        image = image.convert(mode)
    return image if image.size == (form.width, form.height) else _resized(image, form)


def _opaque(image: "Image", form: ImageForm) -> "Image":
    """Return an image without alpha."""
    if image.mode not in _WITH_ALPHA and "transparency" not in image.info:
        return image
    grey = image.mode in _ALL_GREY
    image = image.convert("RGBA")
    if np.frombuffer(image.getchannel("A").tobytes(), np.uint8).min() < 255:
        if form.background is None:
            fix = 'set background = "black" or "white" in the recipe'
            raise ImageFault("an image without transparent pixels", "one with some", fix)
        under = pillow().new("RGBA", image.size, form.background)
        image = pillow().alpha_composite(under, image)
    # The three channels of a grey image are equal.
    return image.getchannel("R") if grey else image.convert("RGB")


def _resized(image: "Image", form: ImageForm) -> "Image":
    """Return an image of the size of the form. The steps of a crop are those of torchvision."""
    width, height = image.size
    if form.resize is None:
        fix = "set size and resize in the recipe"
        expected = f"an image of {form.height} x {form.width} pixels"
        raise ImageFault(expected, f"one of {height} x {width}", fix)
    wider = width * form.height > height * form.width
    size = (form.width, form.height)
    if form.resize != "stretch":
        # A crop fills the form, so its shorter side fits; a padded image is inside the form.
        if wider == (form.resize == "crop"):
            size = (max(1, width * form.height // height), form.height)
        else:
            size = (form.width, max(1, height * form.width // width))
    if size[0] * size[1] > MOST_PIXELS:
        found = f"{height:,} x {width:,}"
        raise ImageFault("an image whose sides differ less", found, "leave the image out")
    image = image.resize(size, pillow().Resampling.BILINEAR)
    left, top = round((size[0] - form.width) / 2), round((size[1] - form.height) / 2)
    return image.crop((left, top, left + form.width, top + form.height))


def _unreadable(error: Exception) -> ImageFault:
    from PIL import UnidentifiedImageError

    fix = "fetch or copy the file again, or leave it out"
    if isinstance(error, pillow().DecompressionBombError):
        return ImageFault(f"at most {MOST_PIXELS:,} pixels", "far more", "make the image smaller")
    if isinstance(error, UnidentifiedImageError):
        expected = "a whole image (PNG, JPEG, WebP, BMP, TIFF or GIF)"
        return ImageFault(expected, "another format, or a damaged start", fix)
    if isinstance(error, OSError) and error.errno is not None:
        return ImageFault("a readable image", str(error.strerror), "check the path")
    return ImageFault("a whole image", f"one that is damaged ({error})", fix)
