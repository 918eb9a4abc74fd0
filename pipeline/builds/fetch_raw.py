"""Downloads published raw files."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
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
        progress: A function to call before each file and at the end.

    Yields:
        Each file, with what was done for it.

    Raises:
        FetchError: No mirror gave the published content.
        OutputError: The folder cannot be written.
    """
    files = [file for file in recipe.files() if file.urls]
    for done, file in enumerate(files):
        progress(f"{recipe.name} fetch", done, len(files))
        found = find_raw(raw, file)
        there = None if found is None else found.path
        status = None if there is None else _status(there, file)
        if there is None or status is None:
            yield Fetched(_fetch_file(file, there or raw / file.path), "fetched")
        else:
            yield Fetched(there, status)
    progress(f"{recipe.name} fetch", len(files), len(files))


def _status(path: Path, file: RawFile) -> str | None:
    """Return the status of a file that is there, or None if it is damaged and can be replaced."""
    try:
        content = read_raw(path)
    except (CompressionError, EmptyFileError):
        return None
    published = file.checksum is None or content.matches(file.checksum)
    return "already there" if published else "differs"


def _fetch_file(file: RawFile, path: Path) -> Path:
    failures = []
    try:
        make_folder(path.parent)
        # The download lies beside its place, so that one rename puts it there.
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=path.parent) as folder:
            for url in file.urls:
                try:
                    fetched = _download(url, Path(folder))
                    content = read_raw(fetched)
                except (requests.RequestException, InputError) as error:
                    failures.append(f"{url}: {error}")
                    continue
                if file.checksum is None or content.matches(file.checksum):
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


def _download(url: str, folder: Path) -> Path:
    name = f"{os.urandom(8).hex()}.part"
    pooch.get_logger().setLevel("WARNING")  # it tells users to name a hash of the compressed file
    downloader = pooch.HTTPDownloader(timeout=_TIMEOUT_S)
    # A recipe has the checksum of the decompressed content, which pooch cannot compare.
    fetched = pooch.retrieve(url, None, fname=name, path=folder, downloader=downloader)
    return Path(fetched)
