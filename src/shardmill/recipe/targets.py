"""The targets that a recipe names."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shardmill.recipe.names import Names, distinct
from shardmill.strict import Strict

LEARN = "learn"

Role = Literal["class", "classes", "number"]


def _class_names(value: Any) -> Any:
    is_list = isinstance(value, list | tuple) and bool(value)
    if value != LEARN and not (is_list and all(isinstance(name, str) for name in value)):
        raise ValueError('must be "learn" or a list of texts')
    return distinct(tuple(value)) if is_list else value


Classes = Annotated[Literal["learn"] | tuple[str, ...], BeforeValidator(_class_names)]
Spellings = dict[str, Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(distinct)]]


class Target(Strict):
    """What a model learns to tell: one class of several, or a number if there are no classes.

    Attributes:
        classes: The names of the classes, in the order of their indices; "learn" for the labels in
            the files of the train split, in the order of their numbers if all are whole numbers,
            and by text otherwise; None if the target is a number.
        first: The number that stands for the first class in the raw file; None if the raw file
            holds the names.
        spellings: Other ways in which the raw files write a class.
    """

    classes: Classes | None = None
    first: int | None = None
    spellings: Spellings = Field(default={})

    @property
    def role(self) -> Role:
        """What the field of the target is for; see `shardmill.format.layout`."""
        return "number" if self.classes is None else "class"

    def names(self) -> tuple[str, ...]:
        """Return the names of the classes; empty if they are not known yet, or for a number."""
        return self.classes if isinstance(self.classes, tuple) else ()

    def labels(self) -> dict[str, int]:
        """Return the index of each label in the raw files: the number of a class, or its name.

        Raises:
            ValueError: The classes are not known yet.
        """
        if self.classes == LEARN:
            raise ValueError("the classes are learnt by a build")
        if self.first is not None:
            return {str(self.first + index): index for index in range(len(self.names()))}
        indices = {name: index for index, name in enumerate(self.names())}
        others = {text: indices[name] for name, texts in self.spellings.items() for text in texts}
        return indices | others

    @model_validator(mode="after")
    def _keys_fit_together(self) -> Self:
        for fault in self._faults():
            raise ValueError(fault)
        return self

    def _faults(self) -> Iterator[str]:
        """Yield what is wrong with classes and their labels."""
        if self.classes is None and self.first is not None:
            yield "first: needs classes"
        if self.classes == LEARN and self.first is not None:
            yield 'first: needs classes in their order, not "learn"'
        if self.spellings and (self.first is not None or self.classes is None):
            yield "spellings: needs classes that the file names"
            return
        names = self.names()
        others = [text for texts in self.spellings.values() for text in texts]
        if self.first is None:
            for text in (*names, *others):
                if text != text.strip():
                    yield f"classes: {text!r} has white space around it, which no label has"
        if names and (strange := [name for name in self.spellings if name not in names]):
            yield f"spellings: {strange[0]!r} is no class"
        known = [*(names or self.spellings), *others]
        if twice := [text for text in others if known.count(text) > 1]:
            yield f"spellings: {twice[0]!r} stands for more than one class"


class CellTarget(Target):
    """A target whose labels are the cells of a column.

    Attributes:
        separator: What stands between the classes of a row, which may be none, one or several; None
            if each row has one class. White space around a class does not count.
    """

    separator: Annotated[str, Field(min_length=1)] | None = None

    @property
    def role(self) -> Role:
        """What the field of the target is for."""
        return super().role if self.separator is None else "classes"

    def _faults(self) -> Iterator[str]:
        yield from super()._faults()
        if self.separator is not None and self.classes is None:
            yield "separator: needs classes"
        for label in (*self.names(), *(t for texts in self.spellings.values() for t in texts)):
            if self.separator is not None and self.separator in label:
                yield f"separator: {label!r} has it inside"


class ColumnTarget(CellTarget):
    """The only target of a CSV file.

    Attributes:
        column: The name of its column.
        columns: The names of several columns, in place of `column` and `classes`. Each is a class,
            and its cells say whether a row is of it.
    """

    column: str | None = None
    columns: Names | None = None

    @property
    def role(self) -> Role:
        """What the field of the target is for."""
        return super().role if self.columns is None else "classes"

    def names(self) -> tuple[str, ...]:
        """Return the names of the classes; empty if they are not known yet, or for a number."""
        return super().names() if self.columns is None else self.columns

    def raw_columns(self) -> tuple[str, ...]:
        """Return the columns of the file that the target is made of."""
        return self.columns or (str(self.column),)

    def _faults(self) -> Iterator[str]:
        if (self.column is None) == (self.columns is None):
            yield "column: missing, or columns if each class has one"
        beside = {"classes", "first", "spellings", "separator"} & self.model_fields_set
        if self.columns is not None and beside:
            yield f"columns: are the classes, so leave out {', '.join(sorted(beside))}"
        yield from super()._faults()


class ImageTarget(Target):
    """A target that is an array of labels. Learnt classes are called by their numbers.

    Attributes:
        column: Which column of a file of rows [n, m] is the label, counted from 0; None if the file
            has one number for each row.
        encoding: How a file writes classes. "index" is the number of the class. For "one_hot" and
            "multi_hot" it has a column [n, classes] for each class, which is 1 if a row is of it:
            one class exactly, or any number of them.
    """

    first: int | None = 0
    column: Annotated[int, Field(ge=0)] | None = None
    encoding: Literal["index", "one_hot", "multi_hot"] = "index"

    @property
    def role(self) -> Role:
        """What the field of the target is for."""
        return "classes" if self.encoding == "multi_hot" else super().role

    @model_validator(mode="before")
    @classmethod
    def _counted_from_first(cls, facts: Any) -> Any:
        # Only labels that are numbers of stated classes are counted. Those of learnt classes are
        # counted from the smallest.
        if not isinstance(facts, dict):
            return facts
        stated = facts.get("classes", LEARN) != LEARN
        counted = stated and facts.get("encoding", "index") == "index"
        return facts if counted else {"first": None, **facts}

    def _faults(self) -> Iterator[str]:
        if self.encoding != "index":
            if self.column is not None:
                yield f"column: is the number of one column, and {self.encoding} has several"
            if self.classes is None:
                yield f"encoding: {self.encoding} needs classes"
            if self.first is not None:
                yield f"first: means nothing to {self.encoding}"
            if self.spellings:
                yield f"spellings: mean nothing to {self.encoding}"
        yield from super()._faults()
