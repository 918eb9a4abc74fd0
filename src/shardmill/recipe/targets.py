"""The targets that a recipe names."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shardmill.recipe.names import distinct
from shardmill.strict import Strict

LEARN = "learn"


def _class_names(value: Any) -> Any:
    is_list = isinstance(value, list | tuple) and bool(value)
    if value != LEARN and not (is_list and all(isinstance(name, str) for name in value)):
        raise ValueError('must be "learn" or a list of texts')
    return distinct(tuple(value)) if is_list else value


Classes = Annotated[Literal["learn"] | tuple[str, ...], BeforeValidator(_class_names)]
Spellings = dict[str, Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(distinct)]]


def _class_faults(
    classes: tuple[str, ...] | str | None, first: int | None, spellings: Mapping[str, Any]
) -> Iterator[str]:
    """Yield what is wrong with classes and their labels."""
    if classes == LEARN and first is not None:
        yield 'first: needs classes in their order, not "learn"'
    if spellings and (first is not None or classes is None):
        yield "spellings: needs classes that the file names"
        return
    names = classes if isinstance(classes, tuple) else ()
    others = [text for texts in spellings.values() for text in texts]
    if first is None:
        for text in (*names, *others):
            if text != text.strip():
                yield f"classes: {text!r} has white space around it, which no label has"
    if names and (strange := [name for name in spellings if name not in names]):
        yield f"spellings: {strange[0]!r} is no class"
    known = [*(names or spellings), *others]
    if twice := [text for text in others if known.count(text) > 1]:
        yield f"spellings: {twice[0]!r} stands for more than one class"


class Target(Strict):
    """The classes that a model learns to tell apart.

    Attributes:
        classes: The names of the classes, in the order of their indices; "learn" for the labels in
            the files of the train split, in the order of their numbers if all are whole numbers,
            and by text otherwise.
        first: The number that stands for the first class in the raw file; None if the raw file
            holds the names.
        spellings: Other ways in which the raw files write a class.
    """

    classes: Classes
    first: int | None = None
    spellings: Spellings = Field(default={})

    def labels(self) -> dict[str, int]:
        """Return the index of each label in the raw files: the number of a class, or its name.

        Raises:
            ValueError: The classes are not known yet.
        """
        if self.classes == LEARN:
            raise ValueError("the classes are learnt by a build")
        if self.first is not None:
            return {str(self.first + index): index for index in range(len(self.classes))}
        indices = {name: index for index, name in enumerate(self.classes)}
        others = {text: indices[name] for name, texts in self.spellings.items() for text in texts}
        return indices | others

    @model_validator(mode="after")
    def _labels_are_clear(self) -> Self:
        for fault in _class_faults(self.classes, self.first, self.spellings):
            raise ValueError(fault)
        return self


class ColumnTarget(Target):
    """A target that is a column of a CSV file.

    Attributes:
        column: The name of the column.
    """

    column: str


class TableTarget(Strict):
    """A target of a table: a class if classes are given, otherwise a number, float32.

    Attributes:
        classes: The names of the classes; see `Target`.
        first: The number that stands for the first class; see `Target`.
        spellings: Other ways in which the raw files write a class; see `Target`.
    """

    classes: Classes | None = None
    first: int | None = None
    spellings: Spellings = Field(default={})

    def as_classes(self) -> Target:
        """Return the target of classes.

        Raises:
            ValueError: The target is a number.
        """
        if self.classes is None:
            raise ValueError("the target is a number")
        return Target(classes=self.classes, first=self.first, spellings=self.spellings)

    @model_validator(mode="after")
    def _labels_are_clear(self) -> Self:
        for fault in _class_faults(self.classes, self.first, self.spellings):
            raise ValueError(fault)
        return self


class TableColumnTarget(TableTarget):
    """The only target of a table.

    Attributes:
        column: The name of its column.
    """

    column: str


class ImageTarget(Target):
    """A target that is an IDX file of labels. Learnt classes are called by their numbers."""

    first: int | None = 0

    @model_validator(mode="before")
    @classmethod
    def _learnt_by_number(cls, facts: Any) -> Any:
        # Learnt classes are counted from the smallest label.
        learnt = isinstance(facts, dict) and facts.get("classes") == LEARN
        return {"first": None, **facts} if learnt else facts
