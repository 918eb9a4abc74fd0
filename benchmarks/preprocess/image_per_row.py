"""What people write: the IDX files row by row, with the standard library and torch.

A row is read by the per-row Dataset of the tests.
"""

from preprocess.job import Counts, Job, count_images

_SPLITS = {"train": "train", "test": "t10k"}


def build(job: Job) -> None:
    """Save the rows of each split, stacked, and their labels."""
    import torch
    from oracles import PerRowMnist

    for split, prefix in _SPLITS.items():
        images, labels = (
            job.raw / "mnist" / f"{prefix}-{what}-ubyte.gz"
            for what in ("images-idx3", "labels-idx1")
        )
        dataset = PerRowMnist(images, labels)
        x, y = zip(*(dataset[row] for row in range(len(dataset))), strict=True)
        torch.save({"x": torch.stack(x), "y": torch.tensor(y)}, job.out / f"{split}.pt")


def count(job: Job) -> Counts:
    """Return what was built, all splits together."""
    import torch

    saved = [torch.load(job.out / f"{split}.pt") for split in _SPLITS]
    x, y = (torch.cat([part[field] for part in saved]).numpy() for field in ("x", "y"))
    return count_images(x, y)
