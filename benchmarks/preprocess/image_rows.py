"""IDX files in the form of MNIST, of any size, made from real ones with a seed."""

import gzip
from pathlib import Path

import numpy as np

SEED = 0
ROW_BYTES = 28 * 28
_BLOCK = 50_000
_IMAGES_MAGIC = b"\0\0\x08\x03"  # unsigned bytes, three dimensions
_LABELS_MAGIC = b"\0\0\x08\x01"
_IMAGES_HEADER, _LABELS_HEADER = 16, 8


def write_image_rows(real: Path, folder: Path, *, rows: int) -> None:
    """Write `images.idx` and `labels.idx`: `rows` images drawn with replacement, not compressed.

    Args:
        real: a folder with the train files of MNIST, compressed.
        folder: where to write.
        rows: how many.
    """
    images = _content(real / "train-images-idx3-ubyte.gz", _IMAGES_HEADER).reshape(-1, ROW_BYTES)
    labels = _content(real / "train-labels-idx1-ubyte.gz", _LABELS_HEADER)
    draw = np.random.default_rng(SEED)
    folder.mkdir(parents=True, exist_ok=True)
    count = rows.to_bytes(4, "big")
    side = (28).to_bytes(4, "big")
    with (folder / "images.idx").open("wb") as pixels, (folder / "labels.idx").open("wb") as names:
        pixels.write(_IMAGES_MAGIC + count + side + side)
        names.write(_LABELS_MAGIC + count)
        for start in range(0, rows, _BLOCK):
            places = draw.integers(len(labels), size=min(_BLOCK, rows - start))
            pixels.write(images[places].data)
            names.write(labels[places].data)


def _content(path: Path, header_bytes: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header_bytes)
