"""Brings saved models from URLs into a cache, checked."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from shardmill.atomic import make_folder, replace_file
from shardmill.errors import (
    ArtifactError,
    DamagedFileError,
    MissingArtifactError,
    MissingObjectError,
    OutputError,
)
from shardmill.format.file_record import FileRecord
from shardmill.serve.model_facts import MODEL_NAME, ModelFacts, parse_model
from shardmill.store.cache_folder import folder_in, usual_cache
from shardmill.store.fetch_file import fetch_file
from shardmill.store.open_store import open_store
from shardmill.store.side_by_side import side_by_side
from shardmill.store.store import Store
from shardmill.urls import is_url, join_url

Fetched = Callable[[FileRecord], object]


def bring_model(model: str | os.PathLike[str], cache: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of a model: the one that was given, or that of a URL in the cache.

    A model at a URL is the one that is there now. Every file is compared with its checksum in
    model.json. Another model that was at this URL before keeps its own folder in the cache.

    Args:
        model: The folder of a model, or its URL. The URL of the run of the model does, too.
        cache: For a URL, the folder into which files are brought; None for the user's own.

    Raises:
        MissingArtifactError: There is no model at the URL.
        FormatVersionError: A newer version of shardmill wrote it.
        ArtifactError: A file is missing, or is not what model.json says.
        StorageError: The storage at the URL refused or failed.
        OutputError: The cache cannot be written.

    Example:
        >>> shardmill.bring_model("runs/titanic/model")  # or s3://bucket/titanic-model
        PosixPath('runs/titanic/model')
    """
    if not is_url(model):
        return Path(model)
    store, content = find_model_at(str(model))
    facts = parse_model_at(store, content)
    caches = usual_cache() if cache is None else Path(cache).absolute()
    folder = folder_in(caches, str(model)) / f"model-{facts.checksum}"
    fetch_model(store, facts, content, folder)
    return folder


def find_model_at(url: str) -> tuple[Store, bytes]:
    """Return the store of the model at a URL, which may be that of its run, and its model.json.

    Raises:
        MissingArtifactError: There is no model at the URL.
        StorageError: The store refused or failed.
    """
    for place in (url, join_url(url, "model")):
        store = open_store(place)
        with suppress(MissingObjectError):
            return store, store.get(MODEL_NAME).content
    raise MissingArtifactError(
        url,
        expected=f"a model, which has a {MODEL_NAME}",
        found="none",
        fix="correct the URL, or push a model there with `shardmill push`",
    )


def parse_model_at(store: Store, content: bytes) -> ModelFacts:
    """Return the facts in the model.json of a store.

    Raises:
        FormatVersionError: A newer version of shardmill wrote it.
        ArtifactError: It is damaged.
    """
    try:
        return parse_model(Path(MODEL_NAME), content)
    except ArtifactError as error:
        where = f"{store.url}/{MODEL_NAME}"
        facts = {"expected": error.expected, "found": error.found, "fix": error.fix}
        raise type(error)(where, **facts) from None


def fetch_model(
    store: Store,
    facts: ModelFacts,
    content: bytes,
    folder: Path,
    fetched: Fetched = lambda _: None,
) -> None:
    """Bring the files of a model into a folder, which holds no other model.

    Args:
        store: The store of the model.
        facts: The content of its model.json.
        content: The bytes of its model.json.
        folder: The folder.
        fetched: A function that is told of each file when it is there.

    Raises:
        DamagedFileError: A file is missing, or is not what model.json says.
        StorageError: The store refused or failed.
        OutputError: The folder cannot be written.
    """

    def fetch(record: FileRecord, stopped: Callable[[], bool]) -> None:
        found = fetch_file(lambda: store, folder, record, stopped=stopped)
        with suppress(OSError):  # the cache may be somebody else's
            os.utime(found)  # so that it is not the first one to go when there is no room
        os.close(found)

    try:
        side_by_side(facts.files, fetch, fetched)
    except (DamagedFileError, MissingObjectError) as error:
        fix = "try again, as another model may be on its way there, or push the model again"
        told = {"expected": error.expected, "found": error.found, "fix": fix}
        raise DamagedFileError(error.where, **told) from None
    path = folder / MODEL_NAME
    try:
        if not path.exists() or path.read_bytes() != content:
            make_folder(folder)
            replace_file(path, content)
    except OSError as error:
        fix = "give another folder, or make room and permissions"
        raise OutputError.unwritable(path, error, fix=fix) from None
