"""The names of the files that an entry of a recipe stands for, wherever they are."""

import fnmatch
from pathlib import PurePosixPath

from shardmill.recipe.splits import RawFile

COMPRESSED_SUFFIXES = (".gz", ".zst", ".xz", ".bz2")


def possible_paths(file: RawFile) -> list[str]:
    """Return the paths at which an entry without `*` and `?` is looked for, in their order.

    Example:
        >>> possible_paths(RawFile(path="toy/train.csv"))[:2]
        ['toy/train.csv', 'toy/train.csv.gz']
    """
    path = PurePosixPath(file.path)
    plain = str(path.with_suffix("") if path.suffix in COMPRESSED_SUFFIXES else path)
    others = (plain + suffix for suffix in COMPRESSED_SUFFIXES)
    return list(dict.fromkeys((file.path, plain, *others)))


def is_meant(file: RawFile, name: str) -> bool:
    """Say whether a pattern stands for a file of this name in its folder.

    Example:
        >>> pattern = RawFile(path="toy/part-*.csv")
        >>> is_meant(pattern, "part-7.csv"), is_meant(pattern, ".part-7.csv")
        (True, False)
    """
    pattern = file.path.rpartition("/")[2]
    # In a recipe, `[` is a character like any other.
    matches = fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))
    return matches and name.startswith(".") == pattern.startswith(".")
