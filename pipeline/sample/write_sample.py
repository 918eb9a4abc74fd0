"""Writes sample data: small invented files, in the true raw formats, for a user without real ones.

A raw folder may hold sample and real files side by side. `sample.json` in it lists the sample
files, so that later stages can tell an invented file from a published one.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from shardmill.atomic import make_folder, replace_file
from shardmill.errors import OutputError
from shardmill.pipeline.sample.sample_ag_news import ag_news_csv
from shardmill.pipeline.sample.sample_mnist import draw_digits
from shardmill.pipeline.sample.sample_titanic import titanic_csv
from shardmill.pipeline.sample.write_idx import compress_gzip, encode_idx
from shardmill.raw.content_digest import digest_of
from shardmill.raw.raw_files import SAMPLE_NAME

_TITANIC_ROWS = 1_000
_TRAIN_ROWS = 4_000
_TEST_ROWS = 1_000

_Files = Mapping[str, bytes]  # decompressed content by path below the folder


def write_sample(folder: Path, names: Sequence[str], *, seed: int = 0) -> list[Path]:
    """Write the sample files of the named datasets, and list them in `folder/sample.json`.

    The same names and seed give the same content. Each file appears whole or not at all, and
    `sample.json` comes last. Its entries about other files stay.

    Args:
        folder: The raw folder, which is made if it is missing.
        names: The names of datasets, of "titanic", "mnist" and "ag_news".
        seed: The seed of every random choice, from 0.

    Returns:
        The paths of the data files, in the order of `names`.

    Raises:
        ValueError: A name is unknown, or the seed is negative. Nothing is written then.
        OutputError: There is a file of that name that is no sample, and may be the user's own.
            Nothing is written then.
    """
    unknown = [name for name in names if name not in _GENERATORS]
    if unknown:
        raise ValueError(
            f"write_sample: expected names among {', '.join(_GENERATORS)}, "
            f"found {', '.join(unknown)}; there is sample data for the named ones only"
        )
    if seed < 0:
        raise ValueError(f"write_sample: expected a seed of 0 or more, found {seed}")
    contents = {path: data for name in names for path, data in _GENERATORS[name](seed).items()}
    digests = {path: digest_of(data) for path, data in contents.items()}
    known = _read_digests(folder / SAMPLE_NAME)
    for path, digest in digests.items():
        _refuse_to_replace(folder / path, {digest, known.get(path)})
    for path, data in contents.items():
        _write_whole(folder / path, compress_gzip(data) if path.endswith(".gz") else data)
    listing = {"files": {**known, **digests}, "seed": seed}
    text = json.dumps(listing, indent=2, sort_keys=True) + "\n"
    _write_whole(folder / SAMPLE_NAME, text.encode())
    return [folder / path for path in contents]


def _make_titanic(seed: int) -> _Files:
    return {"titanic/train.csv": titanic_csv(_TITANIC_ROWS, seed=_derive_seed(seed, 0))}


def _make_mnist(seed: int) -> _Files:
    train, test = _derive_seed(seed, 0), _derive_seed(seed, 1)
    return {**_make_digits("train", _TRAIN_ROWS, train), **_make_digits("t10k", _TEST_ROWS, test)}


def _make_digits(part: str, rows: int, seed: int) -> _Files:
    # A stream of its own: `draw_digits` starts another one from the bare seed.
    order = np.random.default_rng([seed, 1]).permutation(rows)
    labels = (order % 10).astype(np.uint8)
    return {
        f"mnist/{part}-images-idx3-ubyte.gz": encode_idx(draw_digits(labels, seed=seed)),
        f"mnist/{part}-labels-idx1-ubyte.gz": encode_idx(labels),
    }


def _make_ag_news(seed: int) -> _Files:
    return {
        "ag_news/train.csv": ag_news_csv(_TRAIN_ROWS, seed=_derive_seed(seed, 0)),
        "ag_news/test.csv": ag_news_csv(_TEST_ROWS, seed=_derive_seed(seed, 1)),
    }


_GENERATORS: Mapping[str, Callable[[int], _Files]] = MappingProxyType(
    {"titanic": _make_titanic, "mnist": _make_mnist, "ag_news": _make_ag_news}
)

SAMPLE_DATASETS = tuple(_GENERATORS)


def _derive_seed(seed: int, part: int) -> int:
    """Return a seed whose stream is independent of those of other seeds and parts."""
    return int(np.random.SeedSequence([seed, part]).generate_state(1, np.uint64)[0])


def _read_digests(path: Path) -> dict[str, str]:
    """Return the digest of content by relative path; nothing for a missing or damaged listing."""
    try:
        listing: Any = json.loads(path.read_bytes())
        return {str(file): str(digest) for file, digest in listing["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Damaged counts as missing: readers of a damaged listing say to generate the sample again.
        return {}


def _refuse_to_replace(path: Path, allowed: set[str | None]) -> None:
    """Raise OutputError if a file is there whose content has none of the `allowed` digests."""
    if not path.exists():
        return
    try:
        data = path.read_bytes()
        content = gzip.decompress(data) if path.suffix == ".gz" else data
        found = digest_of(content)
    except (OSError, EOFError, zlib.error):
        found = "nothing that can be read"
    if found not in allowed:
        raise OutputError(
            path,
            expected="no file, or an earlier sample",
            found="other content, which may be real data",
            fix="move it away, or give the sample another folder with --out",
        )


def _write_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step; see `shardmill.atomic`."""
    try:
        make_folder(path.parent)
        replace_file(path, data)
    except OSError as error:
        raise OutputError.unwritable(
            path, error, fix="choose another folder, or make room and permissions"
        ) from None
