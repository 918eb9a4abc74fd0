"""A trained model in a folder that can be given away alone: what it holds, written and checked.

    model.json          the facts below, and the checksum of every other file
    model.safetensors   parameters and buffers
    preprocessor.json   and vocab.txt or tokenizer.json: see `saved_preprocessor`

No file holds code: `architecture` and `options` say which of the known modules to make.
"""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import xxhash
from pydantic import Field, JsonValue, field_validator

from shardmill.atomic import replace_folder
from shardmill.errors import (
    DamagedFileError,
    ManifestError,
    MissingArtifactError,
    OutputError,
)
from shardmill.format.manifest import MANIFEST_NAME, Digest, FileRecord, Kind, Sha256
from shardmill.format.read_checked import read_checked
from shardmill.format.record import read_record, to_json
from shardmill.serve.saved_preprocessor import PREPROCESSOR_NAME
from shardmill.strict import Strict
from shardmill.version import __version__

if TYPE_CHECKING:
    from shardmill.serve.preprocessor import Preprocessor

MODEL_NAME = "model.json"
WEIGHTS_NAME = "model.safetensors"
MODEL_VERSION = 1
_FIX = "copy the folder anew, or train the model again"


class TrainedOn(Strict):
    """The artifact that a model has learnt from; `sample` says that it was of generated rows."""

    name: str
    shard_key: Sha256
    recipe_sha256: Sha256
    sample: bool


class ModelFacts(Strict):
    """The content of model.json.

    Attributes:
        architecture, options: which module, and the arguments that make it.
        classes: their names by index.
        trained_on: where its weights come from.
        started_from: the same of the model that the training started from, if there was one.
        settings: hyper-parameters of the training.
        metrics: what it gave; None where that was no finite number.
        parameters: how many numbers the weights are, without buffers.
        files: the others in the folder.
        checksum: xxh3_128 of model.json as it is without it.
    """

    format: Literal["shardmill-model"] = "shardmill-model"
    version: Annotated[int, Field(ge=1)] = MODEL_VERSION
    writer: str = f"shardmill {__version__}"
    architecture: str
    options: dict[str, JsonValue]
    kind: Kind
    classes: Annotated[tuple[str, ...], Field(min_length=1)]
    trained_on: TrainedOn
    started_from: TrainedOn | None = None
    settings: dict[str, JsonValue]
    metrics: dict[str, float | None]
    parameters: Annotated[int, Field(ge=0)]
    files: tuple[FileRecord, ...] = ()
    checksum: Digest | None = None

    @field_validator("files")
    @classmethod
    def _lie_beside(cls, files: tuple[FileRecord, ...]) -> tuple[FileRecord, ...]:
        if any("/" in file.path for file in files):
            raise ValueError("must lie in the folder itself")
        return files


def read_model(folder: str | os.PathLike[str]) -> tuple[ModelFacts, bytes]:
    """Return the facts of a model folder and the content of model.safetensors, all files checked.

    Raises:
        MissingArtifactError: it is not a model folder.
        FormatVersionError: it is of a newer version.
        ArtifactError: a file is missing, or is not the one that was written.
    """
    path = Path(folder) / MODEL_NAME
    try:
        facts = read_record(path, ModelFacts, version=MODEL_VERSION, fix=_FIX)
    except MissingArtifactError:
        raise _missing(path.parent) from None
    if facts.checksum != _checksum(facts):
        expected = f"facts with xxh3_128 {facts.checksum}"
        raise DamagedFileError(path, expected=expected, found=_checksum(facts), fix=_FIX)
    contents = {file.path: _read_file(path.parent, file) for file in facts.files}
    for name in (WEIGHTS_NAME, PREPROCESSOR_NAME):
        if name not in contents:
            found = ", ".join(contents) or "none"
            raise ManifestError(path, expected=f"a record of {name}", found=found, fix=_FIX)
    return facts, contents[WEIGHTS_NAME]


def _missing(folder: Path) -> MissingArtifactError:
    """Return the error for a folder that is no model; often it is that of a run, or an artifact."""
    found, fix = "none", "correct the path"
    if (folder / "model" / MODEL_NAME).is_file():
        fix = f"give {folder / 'model'}"
    elif (folder / MANIFEST_NAME).is_file():
        found = f"an artifact, which has a {MANIFEST_NAME}"
        fix = "give a model that was trained on it, such as runs/NAME/model"
    expected = f"a folder with a {MODEL_NAME}"
    return MissingArtifactError(folder, expected=expected, found=found, fix=fix)


def _read_file(folder: Path, file: FileRecord) -> bytes:
    if not (folder / file.path).is_file():
        expected = f"a file of {file.bytes:,} bytes, which {MODEL_NAME} names"
        raise DamagedFileError(folder / file.path, expected=expected, found="none", fix=_FIX)
    return read_checked(folder, file, fix=_FIX)


def write_model(
    folder: str | os.PathLike[str], facts: ModelFacts, weights: bytes, preprocessor: "Preprocessor"
) -> None:
    """Write a model folder beside its place, and put it there by rename when it is whole.

    Args:
        folder: a model that is there is replaced; anything else that is there is left alone.
        facts: what to say of it; the files are added.
        weights: content of model.safetensors.
        preprocessor: for the rows that the model takes.

    Raises:
        OutputError: the folder holds something else, or cannot be written.
    """
    final = Path(folder)
    new = final.with_name(f".building-{final.name}")
    try:
        _check_replaceable(final)
        final.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(new, ignore_errors=True)  # of a process that was killed
        new.mkdir()
        (new / WEIGHTS_NAME).write_bytes(weights)
        names = (WEIGHTS_NAME, *preprocessor.save(new))
        facts = facts.model_copy(update={"files": tuple(_record(new / name) for name in names)})
        facts = facts.model_copy(update={"checksum": _checksum(facts)})
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


def _checksum(facts: ModelFacts) -> str:
    return xxhash.xxh3_128_hexdigest(to_json(facts.model_copy(update={"checksum": None})))
