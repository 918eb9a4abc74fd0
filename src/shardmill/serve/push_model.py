"""Puts a saved model at a URL, its model.json last."""

from pathlib import Path
from typing import Literal

from shardmill.errors import ArtifactError, MissingObjectError
from shardmill.format.file_record import FileRecord
from shardmill.format.record import read_content
from shardmill.serve.model_facts import MODEL_NAME, parse_model
from shardmill.store.open_store import open_store
from shardmill.store.publish import Progress, Pushed, content_at, publish, send_files
from shardmill.store.store import Content, Store


def push_model(
    folder: Path,
    url: str,
    *,
    force: bool = False,
    progress: Progress = lambda label, done, total: None,  # noqa: ARG005
) -> Pushed:
    """Put a saved model at a URL, or into another folder.

    Its files come first, each compared with its record, and model.json comes last. Whoever loads
    the model meanwhile gets the old one, the new one, or an error that says that they differ.

    Args:
        folder: The folder of the model.
        url: Where to put it: the URL of the model itself.
        force: Whether to send files that are there, too.
        progress: A function that is told how far it is.

    Raises:
        MissingArtifactError: This is not the folder of a model.
        ArtifactError: A file is missing, or is not the one that was written.
        PublishedMeanwhileError: Somebody else pushed another model to the URL meanwhile.
        StorageError: The store refused or failed.
    """
    path = folder / MODEL_NAME
    content = read_content(path, fix=lambda _: "correct the path")
    facts = parse_model(path, content)
    store = open_store(url)
    before = content_at(store, MODEL_NAME)
    there = () if force else _files_at(store, before)
    missing = [record for record in facts.files if record not in there]
    send_files(store, folder, missing, progress)
    status: Literal["pushed", "up to date"] = "up to date"
    if before is None or before.content != content:
        publish(store, MODEL_NAME, content, before, _described)
        status = "pushed"
    sent = sum(record.bytes for record in missing)
    return Pushed(str(folder), store.url, status, len(missing), sent)


def _files_at(store: Store, before: Content | None) -> tuple[FileRecord, ...]:
    """Return the records of the files that are at the URL, as far as their sizes tell."""
    try:
        known = () if before is None else parse_model(Path(MODEL_NAME), before.content).files
    except ArtifactError:  # something else, which is replaced
        return ()
    return tuple(record for record in known if _size_of(store, record.path) == record.bytes)


def _size_of(store: Store, name: str) -> int | None:
    try:
        return store.head(name).bytes
    except MissingObjectError:
        return None


def _described(content: bytes) -> str:
    try:
        facts = parse_model(Path(MODEL_NAME), content)
    except ArtifactError:
        return f"a {MODEL_NAME} that cannot be read"
    return f"the model {facts.checksum} of {facts.trained_on.name}"
