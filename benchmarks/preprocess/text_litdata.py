"""litdata: the rows that the per-row code encodes, written by `optimize`."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from preprocess.job import Counts, Job, count_text
from preprocess.text_per_row import encode_file, vocabulary_size, write_vocabulary

_ROWS_PER_INPUT = 1_000


def rows_of(part: list[tuple[list[int], int]]) -> Iterator[tuple[Any, int]]:
    """Yield the rows of one input as arrays, which it stores and reads faster than tensors."""
    for ids, label in part:
        yield np.array(ids, dtype=np.int32), label


def build(job: Job) -> None:
    """Write chunks of 64 MB, its documents' choice, and the vocabulary."""
    import litdata

    ids, labels, itos = encode_file(job.text)
    rows = list(zip(ids, labels, strict=True))
    starts = range(0, len(rows), _ROWS_PER_INPUT)
    litdata.optimize(
        fn=rows_of,
        inputs=[rows[start : start + _ROWS_PER_INPUT] for start in starts],
        output_dir=str(job.out / "train"),
        chunk_bytes="64MB",
        num_workers=job.workers,
        verbose=False,
    )
    write_vocabulary(itos, job.out)


def count(job: Job) -> Counts:
    """Return what was built."""
    import litdata

    dataset = litdata.StreamingDataset(str(job.out / "train"))
    parts = (dataset[row][0] for row in range(len(dataset)))
    return count_text(parts, rows=len(dataset), vocabulary=vocabulary_size(job.out))
