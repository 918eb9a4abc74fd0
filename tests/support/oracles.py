"""The three Datasets that people write again and again, row by row: what shards are held against.

They are written the plain way, with the standard library and torch alone, and share no code with
shardmill.
"""

import csv
import gzip
import re
import struct
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset


class PerRowTitanic(Dataset[tuple[Tensor, int]]):
    """Rows of the Titanic CSV as float tensors; a missing value is NaN."""

    classes = ("Dead", "Survived")

    def __init__(self, path: Path, drop_features: Sequence[str] = ()) -> None:
        with path.open(newline="", encoding="utf-8") as file:
            self.rows = list(csv.DictReader(file))
        dropped = {"PassengerId", "Survived", "Name", "Ticket", "Cabin", *drop_features}
        self.features = [name for name in self.rows[0] if name not in dropped]
        self.codes = {"male": 0.0, "female": 1.0, "S": 0.0, "C": 1.0, "Q": 2.0, "": float("nan")}

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        row = self.rows[index]
        cells = [row[name] for name in self.features]
        values = [self.codes[cell] if cell in self.codes else float(cell) for cell in cells]
        return torch.tensor(values, dtype=torch.float32), int(row["Survived"])


class PerRowMnist(Dataset[tuple[Tensor, int]]):
    """Images of an IDX file as uint8 tensors [1, 28, 28], read one at a time."""

    classes = tuple("0123456789")

    def __init__(self, images: Path, labels: Path) -> None:
        self.images = gzip.decompress(images.read_bytes())
        self.labels = gzip.decompress(labels.read_bytes())
        _, self.n, self.height, self.width = struct.unpack(">4I", self.images[:16])

    def __len__(self) -> int:
        return int(self.n)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        size = self.height * self.width
        start = 16 + index * size
        pixels = torch.frombuffer(bytearray(self.images[start : start + size]), dtype=torch.uint8)
        return pixels.view(1, self.height, self.width), self.labels[8 + index]


# torchtext 0.18, data/utils.py: patterns and what replaces them, in order.
_BASIC_ENGLISH = [
    (r"\'", " '  "),
    (r"\"", ""),
    (r"\.", " . "),
    (r"<br \/>", " "),
    (r",", " , "),
    (r"\(", " ( "),
    (r"\)", " ) "),
    (r"\!", " ! "),
    (r"\?", " ? "),
    (r"\;", " "),
    (r"\:", " "),
    (r"\s+", " "),
]


def basic_english(line: str) -> list[str]:
    """Tokens of a line."""
    line = line.lower()
    for pattern, replacement in _BASIC_ENGLISH:
        line = re.sub(pattern, replacement, line)
    return line.split()


class PerRowAgNews(Dataset[tuple[list[int], int]]):
    """Rows of an AG News CSV as lists of ids.

    The vocabulary is built from `train`: in order of first appearance, or most frequent first.
    """

    classes = ("World", "Sports", "Business", "Sci/Tech")

    def __init__(self, path: Path, train: Path, order: str) -> None:
        self.rows = self._read(path)
        counts: Counter[str] = Counter()
        for row in self._read(train):
            counts.update(self.tokens(row))
        tokens = list(counts)
        if order == "frequency":
            tokens = sorted(counts, key=lambda token: (-counts[token], token))
        self.itos = ["<unk>", "<pad>", *tokens]
        self.stoi = {token: index for index, token in enumerate(self.itos)}

    @staticmethod
    def _read(path: Path) -> list[list[str]]:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.reader(file))

    @staticmethod
    def tokens(row: list[str]) -> list[str]:
        """Tokens of a row of the file."""
        text = row[1] + " " + row[2]
        cleaned = "".join(c if c.isalnum() else " " for c in text).lower()
        return basic_english(cleaned)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[list[int], int]:
        row = self.rows[index]
        return [self.stoi.get(token, 0) for token in self.tokens(row)], int(row[0]) - 1
