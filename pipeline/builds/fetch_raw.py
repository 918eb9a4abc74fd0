"""Downloads published raw files."""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pooch
import requests

from shardmill.atomic import make_folder, put_file
from shardmill.errors import CompressionError, EmptyFileError, FetchError, InputError, OutputError
from shardmill.pipeline.builds.build_run import Progress, no_progress
from shardmill.raw.raw_files import find_raw, read_raw
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.splits import RawFile

_TIMEOUT_S = 30
_BLOCK_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class Fetched:
    """A raw file and what was done for it.

    Attributes:
        path: The place of the file.
        status: `fetched`, `already there`, or `differs` if a file with other content than the
            published one is there.
    """

    path: Path
    status: str


def fetch_raw(
    recipe: AnyRecipe, raw: Path, *, progress: Progress = no_progress
) -> Iterator[Fetched]:
    """Bring every published file of a recipe into the folder `raw`.

    A file is put in place only if its content has the checksum of the recipe.

    Args:
        recipe: The recipe that names the files.
        raw: The folder of the raw files.
        progress: A function to call while a file is downloaded, with its name, the bytes that have
            come and those of the whole; 0 of these if the server does not say.

    Yields:
        Each file, with what was done for it.

    Raises:
        FetchError: No mirror gave the published content.
        OutputError: The folder cannot be written.
    """
    files = [file for file in recipe.files() if file.urls]
    for file in files:
        found = find_raw(raw, file)
        there = None if found is None else found.path
        status = None if there is None else _status(there, file)
        if there is None or status is None:
            label = f"{recipe.name} fetch {Path(file.path).name}"
            told = partial(progress, label)
            yield Fetched(_fetch_file(file, there or raw / file.path, told), "fetched")
        else:
            yield Fetched(there, status)


def _status(path: Path, file: RawFile) -> str | None:
    """Return the status of a file that is there, or None if it is damaged and can be replaced."""
    try:
        content = read_raw(path, file.algorithm)
    except (CompressionError, EmptyFileError):
        return None
    published = file.checksum is None or content.checksum == file.checksum
    return "already there" if published else "differs"


def _fetch_file(file: RawFile, path: Path, told: Callable[[int, int], None]) -> Path:
    failures = []
    try:
        make_folder(path.parent)
        # The download lies beside its place, so that one rename puts it there.
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=path.parent) as folder:
            for url in file.urls:
                try:
                    fetched = _download(url, Path(folder), told)
                    content = read_raw(fetched, file.algorithm)
                except (requests.RequestException, InputError) as error:
                    failures.append(f"{url}: {error}")
                    continue
                if file.checksum is None or content.checksum == file.checksum:
                    put_file(fetched, path)
                    return path
                failures.append(f"{url}: not the published content")
    except OSError as error:
        raise OutputError.unwritable(
            path, error, fix="choose another folder with --raw, or make room and permissions"
        ) from None
    raise FetchError(
        path,
        expected=f"the published file from one of {len(file.urls)} mirrors",
        found="; ".join(failures),
        fix="try again later, or put the file there yourself",
    )


@dataclass(slots=True)
class _Told:
    """What pooch tells of a download; it takes this for a bar of tqdm."""

    told: Callable[[int, int], None]
    total: int = 0
    done: int = 0

    def update(self, size: int) -> None:
        # The last block is counted as a whole one, and so are blocks that were decompressed.
        self.done += size
        self.told(min(self.done, self.total), self.total)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        self.told(self.total, self.total)


def _download(url: str, folder: Path, told: Callable[[int, int], None]) -> Path:
    name = f"{os.urandom(8).hex()}.part"
    pooch.get_logger().setLevel("WARNING")  # it tells users to name a hash of the compressed file
    told(0, 0)
    downloader = pooch.HTTPDownloader(
        timeout=_TIMEOUT_S, progressbar=_Told(told), chunk_size=_BLOCK_BYTES
    )
    # A recipe has the checksum of the decompressed content, which pooch cannot compare.
    fetched = pooch.retrieve(url, None, fname=name, path=folder, downloader=downloader)
    return Path(fetched)
