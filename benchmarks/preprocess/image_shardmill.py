"""What shardmill's artifact of images holds."""

from preprocess.job import Counts, Job, count_images


def count(job: Job) -> Counts:
    """Return what was built, all splits together."""
    import numpy as np

    import shardmill

    artifact = next(job.out.glob("*/manifest.json")).parent
    splits = shardmill.open(artifact).manifest.splits
    arrays = [shardmill.open(artifact, split=split)[:] for split in splits]
    x, y = (np.concatenate([part.numpy() for part in field]) for field in zip(*arrays, strict=True))
    return count_images(x, y)
