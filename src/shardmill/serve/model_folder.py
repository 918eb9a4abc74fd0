"""Writes and checks the folder of a trained model, which can be given away on its own.

    model.json          the facts below, and the checksum of every other file
    model.safetensors   parameters and buffers
    preprocessor.json   with vocab.txt or tokenizer.json: see `saved_preprocessor`

No file holds code. `architecture` and `options` say which of the known modules to make.
"""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import xxhash

from shardmill.atomic import make_folder, replace_folder
from shardmill.errors import (
    DamagedFileError,
    ManifestError,
    MissingArtifactError,
    OutputError,
)
from shardmill.format.file_record import FileRecord
from shardmill.format.near_artifacts import MANIFEST_NAME, give, name_meant
from shardmill.format.read_checked import read_checked
from shardmill.format.record import read_content, to_json
from shardmill.serve.bring_model import bring_model
from shardmill.serve.model_facts import (
    COPY_ANEW,
    MODEL_NAME,
    ModelFacts,
    checksum_of,
    parse_model,
)
from shardmill.serve.saved_preprocessor import PREPROCESSOR_NAME
from shardmill.urls import url_meant

if TYPE_CHECKING:
    from shardmill.serve.preprocessor import Preprocessor

_USUAL_FOLDER = Path("runs")  # where `shardmill train` writes
WEIGHTS_NAME = "model.safetensors"


def read_model(
    folder: str | os.PathLike[str], *, cache: str | os.PathLike[str] | None = None
) -> tuple[ModelFacts, bytes]:
    """Return the facts of a model folder and the content of model.safetensors, all files checked.

    Args:
        folder: The folder of the model, or its URL.
        cache: For a URL, the folder into which files are brought; None for the user's own.

    Raises:
        MissingArtifactError: This is not the folder of a model.
        FormatVersionError: A newer version of shardmill wrote it.
        ArtifactError: A file is missing, or is not the one that was written.
        StorageError: The storage at the URL refused or failed.
    """
    path = bring_model(folder, cache) / MODEL_NAME
    try:
        content = read_content(path, fix=lambda _: "correct the path")
    except MissingArtifactError:
        raise _missing(path.parent) from None
    facts = parse_model(path, content)
    contents = {file.path: _read_file(path.parent, file) for file in facts.files}
    for name in (WEIGHTS_NAME, PREPROCESSOR_NAME):
        if name not in contents:
            found = ", ".join(contents) or "none"
            raise ManifestError(path, expected=f"a record of {name}", found=found, fix=COPY_ANEW)
    return facts, contents[WEIGHTS_NAME]


def _missing(folder: Path) -> MissingArtifactError:
    """Return the error for a folder without a model. Often it is that of a run or an artifact."""
    found, fix = "none", "correct the path"
    meant = url_meant(folder)
    usual = _USUAL_FOLDER / name_meant(folder) / "model"
    below = [folder / "model", *sorted(path / "model" for path in folder.glob("*"))]
    models = [path for path in below if (path / MODEL_NAME).is_file()]
    if meant is not None:
        fix = f"give a URL as a text, with two slashes: {meant}"
    elif models:
        fix = give(models)
    elif (usual / MODEL_NAME).is_file():
        fix = give([usual])
    elif (folder / MANIFEST_NAME).is_file():
        found = f"an artifact, which has a {MANIFEST_NAME}"
        fix = "give a model that was trained on it, such as runs/NAME/model"
    expected = f"a folder with a {MODEL_NAME}"
    return MissingArtifactError(folder, expected=expected, found=found, fix=fix)


def _read_file(folder: Path, file: FileRecord) -> bytes:
    if not os.path.isfile(folder / file.path):  # noqa: PTH113  False for names that are too long
        expected = f"a file of {file.bytes:,} bytes, which {MODEL_NAME} names"
        raise DamagedFileError(folder / file.path, expected=expected, found="none", fix=COPY_ANEW)
    return read_checked(folder, file, fix=COPY_ANEW)


def write_model(
    folder: str | os.PathLike[str], facts: ModelFacts, weights: bytes, preprocessor: "Preprocessor"
) -> None:
    """Write the folder of a model beside its place, and rename it into place when it is whole.

    Args:
        folder: The folder. A model that is there is replaced; anything else is left alone.
        facts: The facts about the model. The records of the files are added.
        weights: The content of model.safetensors.
        preprocessor: The preprocessor of the rows that the model takes.

    Raises:
        OutputError: The folder holds something else, or cannot be written.
    """
    final = Path(folder)
    new = final.with_name(f".building-{final.name}")
    try:
        _check_replaceable(final)
        make_folder(final.parent)
        shutil.rmtree(new, ignore_errors=True)  # a process may have been killed here
        new.mkdir()
        (new / WEIGHTS_NAME).write_bytes(weights)
        names = (WEIGHTS_NAME, *preprocessor.save(new))
        facts = facts.model_copy(update={"files": tuple(_record(new / name) for name in names)})
        facts = facts.model_copy(update={"checksum": checksum_of(facts)})
        (new / MODEL_NAME).write_bytes(to_json(facts))
        replace_folder(new, final)
    except OSError as error:
        fix = "choose another folder, or make room and permissions"
        raise OutputError.unwritable(error.filename or final, error, fix=fix) from None
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _check_replaceable(final: Path) -> None:
    if final.is_dir() and any(final.iterdir()) and not (final / MODEL_NAME).is_file():
        raise OutputError(
            final,
            expected=f"a model, which has a {MODEL_NAME}, or an empty folder",
            found="a folder with other files",
            fix="choose another folder",
        )


def _record(path: Path) -> FileRecord:
    content = path.read_bytes()
    digest = xxhash.xxh3_128_hexdigest(content)
    return FileRecord(path=path.name, bytes=len(content), xxh3_128=digest)
