"""What shardmill's artifact of texts holds."""

from preprocess.job import Counts, Job, count_text


def count(job: Job) -> Counts:
    """Return what was built."""
    import shardmill

    artifact = next(job.out.glob("*/manifest.json")).parent
    dataset = shardmill.open(artifact, split="train", layout="bag")
    vocabulary = dataset.manifest.vocabulary
    bag, _ = dataset[:]
    size = 0 if vocabulary is None else vocabulary.tokens
    return count_text([bag.ids.numpy()], rows=len(dataset), vocabulary=size)
