"""Hugging Face datasets: IDX files read as arrays, and saved with its Array type."""

from importlib import import_module
from typing import Any

from preprocess.job import Counts, Job, count_images

_SPLITS = {"train": "train", "test": "t10k"}
_IMAGES_HEADER, _LABELS_HEADER = 16, 8


def _datasets() -> Any:
    # By its name as a string: the project has a folder of that name, and linters mistake it.
    return import_module("datasets")


def _read(job: Job, prefix: str) -> dict[str, Any]:
    import gzip

    import numpy as np

    folder = job.raw / "mnist"
    images = gzip.decompress((folder / f"{prefix}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{prefix}-labels-idx1-ubyte.gz").read_bytes())
    x = np.frombuffer(images, np.uint8, offset=_IMAGES_HEADER).reshape(-1, 28, 28)
    return {"x": x, "y": np.frombuffer(labels, np.uint8, offset=_LABELS_HEADER).astype(np.int64)}


def build(job: Job) -> None:
    """Save images and labels of each split as Arrow files."""
    datasets = _datasets()
    features = datasets.Features(
        {"x": datasets.Array2D((28, 28), "uint8"), "y": datasets.Value("int64")}
    )
    splits = {
        split: datasets.Dataset.from_dict(_read(job, prefix), features=features)
        for split, prefix in _SPLITS.items()
    }
    datasets.DatasetDict(splits).save_to_disk(str(job.out / "saved"))


def count(job: Job) -> Counts:
    """Return what was built, all splits together."""
    import numpy as np

    saved = _datasets().load_from_disk(str(job.out / "saved")).with_format("numpy")
    parts = [saved[split][:] for split in _SPLITS]
    x, y = (np.concatenate([part[field] for part in parts]) for field in ("x", "y"))
    return count_images(x, y)
