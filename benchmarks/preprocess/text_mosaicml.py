"""mosaicml streaming: the rows that the per-row code encodes, written by its MDSWriter."""

import numpy as np
from preprocess.job import Counts, Job, count_text
from preprocess.text_per_row import encode_file, vocabulary_size, write_vocabulary


def build(job: Job) -> None:
    """Write shards of 64 MiB, its default, and the vocabulary."""
    from load.streaming_module import MDSWriter

    ids, labels, itos = encode_file(job.text)
    columns = {"ids": "ndarray:int32", "label": "int64"}
    with MDSWriter(out=str(job.out / "train"), columns=columns) as writer:
        for row, label in zip(ids, labels, strict=True):
            writer.write({"ids": np.array(row, dtype=np.int32), "label": np.int64(label)})
    write_vocabulary(itos, job.out)


def count(job: Job) -> Counts:
    """Return what was built."""
    from load.streaming_module import StreamingDataset

    dataset = StreamingDataset(local=str(job.out / "train"), batch_size=1)
    parts = (dataset[row]["ids"] for row in range(len(dataset)))
    return count_text(parts, rows=len(dataset), vocabulary=vocabulary_size(job.out))
