"""Guesses from the names of files which split each one holds."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from shardmill.pipeline.infer.guess import Guess

FEWEST_ROWS = 30  # of fewer rows, none are held out
_WORDS = {
    "train": {"train", "training", "data"},
    "validation": {"valid", "validation", "val", "dev", "eval"},
    "test": {"test", "testing", "holdout"},
}


def split_of(path: Path) -> str | None:
    """Return the split that a file's name says, or None.

    Example:
        >>> split_of(Path("adult.test")), split_of(Path("train-00000.parquet")), split_of(Path("a"))
        ('test', 'train', None)
    """
    words = re.split(r"[^a-z]+", path.name.lower())
    for split in ("test", "validation", "train"):
        if _WORDS[split].intersection(words):
            return split
    return None


def guess_splits(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Return the files of each split, in the order of the names. Those that say none are train.

    If no file would be left for train, all are.
    """
    splits: dict[str, list[Path]] = {}
    for path in sorted(paths):
        splits.setdefault(split_of(path) or "train", []).append(path)
    if "train" not in splits:
        return {"train": sorted(paths)}
    return {name: splits[name] for name in _WORDS if name in splits}


def name_of(paths: Sequence[Path]) -> str:
    """Return the name of the dataset that some files hold.

    One file gives its own name. Several give that of their folder, or what their names have in
    common.

    Example:
        >>> name_of([Path("raw/wine.csv.gz")]), name_of([Path("adult/adult.data"), Path("adult/x")])
        ('wine', 'adult')
    """
    first = paths[0]
    name = first.name.split(".")[0]
    if len(paths) > 1 or name.lower() in set().union(*_WORDS.values()):
        folder = first.resolve().parent.name
        name = folder if folder else name
    cleaned = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-")[:64]
    return cleaned or "dataset"


def held_out(splits: Collection[str]) -> dict[str, Guess]:
    """Return the splits that are held out of train, beside those that have files of their own.

    Train alone gives a validation split and a test split. With one of these, it gives a validation
    split if there is none.
    """
    missing = [split for split in ("validation", "test") if split not in splits]
    wanted = missing if len(splits) == 1 else [s for s in missing if s == "validation"]
    return {
        split: Guess(
            {"hold_out": {"split": "train", "fraction": 0.1}},
            f"drawn from train, as no file is called {split}",
        )
        for split in wanted
    }
