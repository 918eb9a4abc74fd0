"""Brings a saved model from a URL into a folder."""

import os
from contextlib import suppress
from pathlib import Path

from shardmill.atomic import make_folder, replace_folder
from shardmill.errors import ArtifactError, OutputError
from shardmill.serve.bring_model import fetch_model, find_model_at, parse_model_at
from shardmill.serve.model_facts import MODEL_NAME
from shardmill.serve.model_folder import read_model
from shardmill.store.publish import Progress, adding

_FIX = "choose another folder with --out, or make room and permissions"


def pull_model(
    url: str,
    out: Path,
    *,
    progress: Progress = lambda label, done, total: None,  # noqa: ARG005
) -> Path:
    """Bring a model into `out`/NAME/model, where NAME is the artifact that it was trained on.

    Return this folder. Every file is compared with its checksum. The folder takes its place when
    it is whole. A damaged copy of the same model is replaced, another model never.

    Args:
        url: The URL of the model or of its run, or its folder elsewhere.
        out: The folder in which the model gets a folder, as runs do.
        progress: A function that is told how far it is.

    Raises:
        MissingArtifactError: There is no model at the URL.
        FormatVersionError: A newer version of shardmill wrote it.
        ArtifactError: A file is missing, or is not what model.json says.
        StorageError: The store refused or failed.
        OutputError: The folder holds another model, or cannot be written.
    """
    store, content = find_model_at(url)
    facts = parse_model_at(store, content)
    final = out / facts.trained_on.name / "model"
    if _is_there(final, content):
        return final
    new = final.with_name(f".pulling-{facts.checksum}")
    try:
        make_folder(new)
        add = adding("pull", sum(file.bytes for file in facts.files), progress)
        fetch_model(store, facts, content, new, lambda file: add(file.bytes))
        replace_folder(new, final)
    except OSError as error:
        raise OutputError.unwritable(error.filename or final, error, fix=_FIX) from None
    return final


def _is_there(final: Path, content: bytes) -> bool:
    """Say whether a model is in its place, and whole.

    Raises:
        OutputError: Something else is in its place.
    """
    if not os.path.lexists(final):
        return False
    found = None
    with suppress(OSError):
        found = (final / MODEL_NAME).read_bytes()
    if found != content:
        raise OutputError(
            final,
            expected="no folder, or one with the same model",
            found="something else" if found is None else "another model",
            fix="choose another folder with --out, or move it away",
        )
    try:
        read_model(final)
    except ArtifactError:
        return False
    return True
