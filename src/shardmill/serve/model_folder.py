"""Writes and checks the folder of a trained model, which can be given away on its own.

    model.json          the facts below, and the checksum of every other file
    model.safetensors   parameters and buffers
    preprocessor.json   with vocab.txt or tokenizer.json: see `saved_preprocessor`

No file holds code. `architecture` and `options` say which of the known modules to make.
"""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import xxhash
from pydantic import (
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from shardmill.atomic import make_folder, replace_folder
from shardmill.errors import (
    DamagedFileError,
    ManifestError,
    MissingArtifactError,
    OutputError,
)
from shardmill.format.manifest import Digest, FileRecord, Kind, Sha256
from shardmill.format.near_artifacts import MANIFEST_NAME, give, name_meant
from shardmill.format.read_checked import read_checked
from shardmill.format.record import read_record, to_json
from shardmill.serve.saved_preprocessor import PREPROCESSOR_NAME
from shardmill.strict import Strict
from shardmill.version import __version__

if TYPE_CHECKING:
    from shardmill.serve.preprocessor import Preprocessor

MODEL_NAME = "model.json"
_USUAL_FOLDER = Path("runs")  # where `shardmill train` writes
WEIGHTS_NAME = "model.safetensors"
MODEL_VERSION = 1
_FIX = "copy the folder anew, or train the model again"


class TrainedOn(Strict):
    """The artifact that a model was trained on.

    Attributes:
        name: The name of the artifact.
        shard_key: The key of its shards.
        recipe_sha256: The SHA-256 of its recipe.
        sample: Whether its rows were generated.
    """

    name: str
    shard_key: Sha256
    recipe_sha256: Sha256
    sample: bool


class NumberTarget(Strict):
    """The target of a model that returns numbers.

    Attributes:
        name: What the recipe calls it: its column, or "label" if it has none.
        mean: The mean of its values in the train split.
        std: Their (population) standard deviation.
    """

    name: str
    mean: float
    std: float


class ModelFacts(Strict):
    """The content of model.json.

    Attributes:
        format: The name of the format.
        version: The version of the format.
        writer: The program that wrote the file.
        architecture: The name of the module.
        options: The arguments that make the module.
        kind: The kind of dataset that the model takes.
        classes: The names of the classes by index; empty if the target is a number.
        target: The target if it is a number; None, and not written, for classes.
        trained_on: The artifact that the model was trained on.
        started_from: The artifact of the model that the training started from; None for fresh
            weights.
        settings: The settings of the training.
        metrics: The metrics that it reached; None for one that was not finite.
        parameters: How many numbers the parameters have, without buffers.
        files: The other files in the folder.
        checksum: The xxh3_128 of model.json without this key.
    """

    format: Literal["shardmill-model"] = "shardmill-model"
    version: Annotated[int, Field(ge=1)] = MODEL_VERSION
    writer: str = f"shardmill {__version__}"
    architecture: str
    options: dict[str, JsonValue]
    kind: Kind
    classes: tuple[str, ...]
    target: NumberTarget | None = None
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

    @model_validator(mode="after")
    def _classes_or_a_number(self) -> Self:
        if bool(self.classes) == (self.target is not None):
            raise ValueError("needs classes, or a target that is a number")
        return self

    @model_serializer(mode="wrap")
    def _without_target(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        return content if self.target else {k: v for k, v in content.items() if k != "target"}


def read_model(folder: str | os.PathLike[str]) -> tuple[ModelFacts, bytes]:
    """Return the facts of a model folder and the content of model.safetensors, all files checked.

    Raises:
        MissingArtifactError: This is not the folder of a model.
        FormatVersionError: A newer version of shardmill wrote it.
        ArtifactError: A file is missing, or is not the one that was written.
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
    """Return the error for a folder without a model. Often it is that of a run or an artifact."""
    found, fix = "none", "correct the path"
    usual = _USUAL_FOLDER / name_meant(folder) / "model"
    below = [folder / "model", *sorted(path / "model" for path in folder.glob("*"))]
    models = [path for path in below if (path / MODEL_NAME).is_file()]
    if models:
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
        raise DamagedFileError(folder / file.path, expected=expected, found="none", fix=_FIX)
    return read_checked(folder, file, fix=_FIX)


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
