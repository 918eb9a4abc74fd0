"""The facts about a saved model: the content of model.json."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import xxhash
from pydantic import (
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from shardmill.errors import DamagedFileError
from shardmill.format.file_record import FileRecord
from shardmill.format.manifest import Digest, Kind, Sha256
from shardmill.format.record import parse_exactly, to_json
from shardmill.strict import Strict
from shardmill.version import __version__

MODEL_NAME = "model.json"
MODEL_VERSION = 1
# What to do about a model that is damaged.
COPY_ANEW = "copy the folder anew, or train the model again"


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


def parse_model(path: Path, content: bytes) -> ModelFacts:
    """Return the facts in the content of model.json.

    Args:
        path: The file, for errors.
        content: The bytes of the file.

    Raises:
        FormatVersionError: A newer version of shardmill wrote it.
        ManifestError: The file holds something else, or was changed.
        DamagedFileError: Its checksum is wrong.
    """
    facts = parse_exactly(path, content, ModelFacts, version=MODEL_VERSION, fix=COPY_ANEW)
    if facts.checksum != checksum_of(facts):
        expected = f"facts with xxh3_128 {facts.checksum}"
        raise DamagedFileError(path, expected=expected, found=checksum_of(facts), fix=COPY_ANEW)
    return facts


def checksum_of(facts: ModelFacts) -> str:
    """Return the xxh3_128 of model.json without its checksum."""
    return xxhash.xxh3_128_hexdigest(to_json(facts.model_copy(update={"checksum": None})))
