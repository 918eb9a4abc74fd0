"""What people write: the CSV file row by row, with the standard library and torch.

Cleaning and tokenising of a row are those of the per-row Dataset of the tests. Two things are
kinder than what is often seen: each row is tokenised once, and all ids are saved as one tensor.
"""

import csv
from collections import Counter
from pathlib import Path

from preprocess.job import SPECIALS, Counts, Job, count_text

Encoded = tuple[list[list[int]], list[int], list[str]]


def encode_file(path: Path) -> Encoded:
    """Return the ids of each row, its class, and the tokens in the order of their ids."""
    from oracles import PerRowAgNews

    labels: list[int] = []
    texts: list[list[str]] = []
    counts: Counter[str] = Counter()
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.reader(file):
            tokens = PerRowAgNews.tokens(row)
            counts.update(tokens)
            labels.append(int(row[0]) - 1)
            texts.append(tokens)
    itos = [*SPECIALS, *sorted(counts, key=lambda token: (-counts[token], token))]
    stoi = {token: index for index, token in enumerate(itos)}
    return [[stoi[token] for token in tokens] for tokens in texts], labels, itos


def write_vocabulary(itos: list[str], folder: Path) -> None:
    """Write one token a line."""
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in itos), encoding="utf-8")


def vocabulary_size(folder: Path) -> int:
    """Return how many tokens were written."""
    return (folder / "vocab.txt").read_bytes().count(b"\n")


def build(job: Job) -> None:
    """Save ids, lengths and classes as tensors, and the vocabulary."""
    import torch

    ids, labels, itos = encode_file(job.text)
    rows = [torch.tensor(row, dtype=torch.int32) for row in ids]
    tensors = {
        "ids": torch.cat(rows),
        "lengths": torch.tensor([len(row) for row in rows]),
        "labels": torch.tensor(labels),
    }
    torch.save(tensors, job.out / "train.pt")
    write_vocabulary(itos, job.out)


def count(job: Job) -> Counts:
    """Return what was built."""
    import torch

    saved = torch.load(job.out / "train.pt")
    size = vocabulary_size(job.out)
    return count_text([saved["ids"].numpy()], rows=len(saved["lengths"]), vocabulary=size)
