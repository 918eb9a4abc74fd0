"""The base of every record and table that is read from a file, and the words for its faults."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from types import UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from shardmill.faults import hint


class Strict(BaseModel):
    """A frozen pydantic model that refuses unknown keys and values of another type."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, strict=True)


def spelt(pattern: str, words: str) -> "Spelling":
    """Return a check of texts that says in words what it takes, where pydantic shows a pattern.

    Args:
        pattern: The regular expression of the whole text.
        words: What it takes, for people.

    Example:
        >>> class Coin(Strict):
        ...     code: Annotated[str, spelt("[A-Z]{3}", "three capital letters")]
        >>> try:
        ...     Coin(code="eur")
        ... except ValidationError as error:
        ...     describe_faults(Coin, error)
        ["code: must be three capital letters, found 'eur'"]
    """
    return Spelling(pattern, words)


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a text is spelt; see `spelt`. It stands in `Annotated`, and pydantic asks it.

    Attributes:
        pattern: The regular expression of the whole text.
        words: What it takes, for people.
    """

    pattern: str
    words: str

    def check(self, text: str) -> str:
        """Return the text.

        Raises:
            ValueError: The text is not spelt like this.
        """
        if re.fullmatch(self.pattern, text) is None:
            raise ValueError(f"must be {self.words}")
        return text

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        # A JSON Schema for editors has the pattern, which in that language may match a part.
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


class FaultsError(ValueError):
    """Several faults of one table; `describe_faults` gives each a line of its own.

    Attributes:
        faults: The faults, each with its path in the table.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults: tuple[str, ...] = tuple(faults)


def describe_faults(
    model: type[BaseModel], error: ValidationError, *, whole: str = "", most: int | None = None
) -> list[str]:
    """Return one line for each fault: its path, what is wrong, and the closest key if unknown.

    Args:
        model: The model whose validation failed.
        error: The error that pydantic raised.
        whole: The name that replaces the path for a fault of the model as a whole. Without it,
            such a fault has no path.
        most: How many faults to describe; None for all.

    Example:
        >>> class Point(Strict):
        ...     height: int
        >>> try:
        ...     Point.model_validate({"heigth": 1})
        ... except ValidationError as error:
        ...     describe_faults(Point, error)
        ['height: missing', 'heigth: unknown key, did you mean height?']
    """
    described = (line for fault in error.errors() for line in _lines(model, fault, whole))
    return list(islice(described, most))


def _lines(model: type[BaseModel], fault: ErrorDetails, whole: str) -> Iterator[str]:
    """Yield the lines of what pydantic reports as one fault, which may be several of a table."""
    several = fault.get("ctx", {}).get("error")
    if not isinstance(several, FaultsError):
        yield _describe(model, fault, whole)
        return
    for one in several.faults:
        yield _describe(model, {**fault, "msg": one}, whole)


def _describe(model: type[BaseModel], fault: ErrorDetails, whole: str) -> str:
    is_unknown = fault["type"] == "extra_forbidden"
    loc = fault["loc"]
    parts, tables = _follow(model, loc[:-1] if is_unknown else loc)
    if is_unknown:
        key = str(loc[-1])
        fields = [item for table in tables for item in table.model_fields.items()]
        known = sorted({str(field.validation_alias or name) for name, field in fields})
        help_ = hint(key, known, f"known here: {', '.join(known)}")
        return f"{'.'.join([*parts, key])}: unknown key, {help_}"
    path = ".".join(parts) or whole
    if fault["type"] == "missing":
        return f"{path}: missing"
    message = fault["msg"].removeprefix("Value error, ")
    if parts and not isinstance(fault["input"], dict | list | tuple):
        return f"{path}: {message}, found {fault['input']!r}"
    return f"{path}: {message}" if path else message


def _follow(
    model: type[BaseModel], loc: tuple[int | str, ...]
) -> tuple[list[str], list[type[BaseModel]]]:
    """Return the keys along a pydantic location, and the tables that may stand at its end.

    pydantic puts the tag of a tagged union between a key and what lies below it. A tag is no key
    of the file, so it is left out of the path.
    """
    parts: list[str] = []
    annotations: list[Any] = [model]
    for part in loc:
        tagged = [a for a in annotations if _is_tagged(a, part)]
        if tagged:
            annotations = tagged
            continue
        parts.append(str(part))
        annotations = [
            below for a in annotations for below in _alternatives(_annotation_below(a, part))
        ]
    return parts, [a for a in annotations if _is_model(a)]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_tagged(annotation: Any, tag: int | str) -> bool:
    if not _is_model(annotation) or tag in annotation.model_fields:
        return False
    fields = annotation.model_fields.values()
    return any(
        field.default == tag and field.default in get_args(field.annotation) for field in fields
    )


def _annotation_below(annotation: Any, part: int | str) -> Any:
    if _is_model(annotation):
        for name, field in annotation.model_fields.items():
            if part in (name, field.validation_alias):
                return field.annotation
        return None
    arguments = get_args(annotation)  # of dict[key, value] or tuple[element, ...]
    if not arguments:
        return None
    return arguments[1] if get_origin(annotation) is dict else arguments[0]


def _alternatives(annotation: Any) -> list[Any]:
    """Return what an annotation allows: Annotated[X, ...] is X, and X | Y is either."""
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [x for argument in get_args(annotation) for x in _alternatives(argument)]
    return [annotation]
