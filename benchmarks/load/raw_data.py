"""Raw files of the sizes that are measured, made from real ones with a seed."""

import csv
import gzip
import shutil
from pathlib import Path

import numpy as np

SEED = 0
TEXT_ROWS = 120_000  # as many as the published file has
TABULAR_ROWS = 1_000_000  # more than a core's own cache holds

_IDX_IMAGES_HEADER = 16  # magic number, images, height, width: 4 bytes each, big-endian
_IDX_LABELS_HEADER = 8
_IDX_COUNT = slice(4, 8)


def write_mnist(raw: Path, out: Path, rows: int | None) -> None:
    """Write the IDX files, the train file cut to its first `rows` where a number is given."""
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(raw.glob("*.gz")):
        if rows is None or not path.name.startswith("train"):
            shutil.copyfile(path, out / path.name)
            continue
        content = bytearray(gzip.decompress(path.read_bytes()))
        images = "images" in path.name
        header = _IDX_IMAGES_HEADER if images else _IDX_LABELS_HEADER
        row_bytes = 28 * 28 if images else 1
        content[_IDX_COUNT] = rows.to_bytes(4, "big")
        (out / path.name).write_bytes(
            gzip.compress(bytes(content[: header + rows * row_bytes]), compresslevel=1)
        )


def write_ag_news(raw: Path, out: Path, rows: int | None) -> None:
    """Write a train file of `rows`: titles and descriptions of one class, drawn anew into pairs."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(raw / "test.csv", out / "test.csv")
    with (raw / "train.csv").open(newline="", encoding="utf-8") as file:
        real = list(csv.reader(file))
    draw = np.random.default_rng(SEED)
    by_class: dict[str, list[list[str]]] = {}
    for row in real:
        by_class.setdefault(row[0], []).append(row)
    with (out / "train.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for place in draw.integers(len(real), size=rows or TEXT_ROWS):
            label, title, _ = real[place]
            alike = by_class[label]
            writer.writerow([label, title, alike[draw.integers(len(alike))][2]])


def write_titanic(raw: Path, out: Path, rows: int | None) -> None:
    """Write a train file of `rows`, drawn with replacement."""
    out.mkdir(parents=True, exist_ok=True)
    with (raw / "train.csv").open(newline="", encoding="utf-8") as file:
        header, *real = csv.reader(file)
    draw = np.random.default_rng(SEED)
    with (out / "train.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(
            real[place] for place in draw.integers(len(real), size=rows or TABULAR_ROWS)
        )
