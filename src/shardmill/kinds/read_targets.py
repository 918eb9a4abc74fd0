"""Reads targets: one class, several classes at once, or a number."""

import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shardmill.errors import UnknownClassError, ValueFormatError
from shardmill.format.arrow_arrays import Array, arrow_array, filled_array, numpy_array
from shardmill.format.layout import DTypeName, Field
from shardmill.kinds.cells import Cells
from shardmill.kinds.keys_for_cells import keys_for_number
from shardmill.kinds.read_numbers import read_numbers
from shardmill.kinds.row import RowFault
from shardmill.raw.spell_values import texts_of
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.names import listed
from shardmill.recipe.number_format import NumberFormat
from shardmill.recipe.tabular_column import FALSE, TRUE
from shardmill.recipe.targets import CellTarget, ColumnTarget, Target
from shardmill.recipe.text_recipe import TextRecipe

_OTHER_CLASS = (
    'correct the file, or classes (which may be "learn"), first or spellings of the target in the '
    "recipe"
)
_NOT_A_CLASS = -1


def target_field(
    target: Target, class_dtype: DTypeName = "int64", *, group: str | None = None
) -> Field:
    """Return the field of a target.

    Args:
        target: The target.
        class_dtype: The dtype of a class index.
        group: The column of the target, if there are several.

    Example:
        >>> target_field(Target(), group="price")
        Field(name='y.price', dtype='float32', shape=(), ragged=False, role='number', group='price')
    """
    if target.role == "classes":
        return Field.target("classes", "uint8", (len(target.names()),), group=group)
    dtype: DTypeName = class_dtype if target.role == "class" else "float32"
    return Field.target(target.role, dtype, group=group)


def targets(recipe: ImageRecipe | TextRecipe) -> tuple[Field, ...]:
    """Return the field `y`, if there is a target."""
    return () if recipe.target is None else (target_field(recipe.target),)


def target_columns(recipe: ImageRecipe | TextRecipe) -> tuple[str, ...]:
    """Return the column of cleaned rows that holds `y`, if there is a target."""
    return () if recipe.target is None else ("label",)


def label_column(recipe: ImageRecipe | TextRecipe) -> str | None:
    """Return the column of cleaned rows with the class index, or None if there is none."""
    return "label" if recipe.target is not None and recipe.target.role == "class" else None


def target_values(column: pa.Array | pa.ChunkedArray, field: Field) -> Array:
    """Return a column [n] of cleaned rows as the target [n, *shape] in the dtype of its field."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if field.role == "classes":
        return numpy_array(column.flatten()).reshape(len(column), *field.shape)
    # Classes are int64 already. A number has whatever dtype its column has.
    if column.type == pa.float64():
        column = filled_array(column, np.nan)
    is_plain = column.type in (pa.int64(), pa.float64())
    values = numpy_array(column) if is_plain else np.asarray(column)
    return values.astype(field.dtype, copy=False)


def column_labels(
    target: ColumnTarget, raw: pa.Table, form: NumberFormat
) -> tuple[pa.Array, list[RowFault]]:
    """Return the column of cleaned rows for the target of raw rows [n], and the faults of others.

    Args:
        target: The target, whose columns are strings.
        raw: The raw rows.
        form: How a target that is a number is written.
    """
    names = target.raw_columns()
    columns = [texts_of(raw.column(name)) for name in names]
    if target.columns is not None:
        return flag_columns(columns, names)
    if target.separator is not None:
        return separated_classes(columns[0], target, names[0])
    if target.role == "number":
        return read_number_labels(columns[0], names[0], form)
    return class_indices(columns[0], target, names[0])


def class_lists(flags: npt.NDArray[np.uint8]) -> pa.Array:
    """Return the column of cleaned rows for `flags` [n, classes]: lists of 0 and 1."""
    return pa.FixedSizeListArray.from_arrays(arrow_array(flags.reshape(-1)), flags.shape[1])


def class_indices(
    labels: pa.Array | pa.ChunkedArray, target: Target, column: str, *, numbers: bool = False
) -> tuple[pa.Array, list[RowFault]]:
    """Return the class index [n] int64 of each label, and a fault for each that is no class.

    The index of a label that is no class has no meaning.

    Args:
        labels: The labels [n], strings or integers. A null is an empty label.
        target: The classes. If they are counted from `first`, labels are numbers.
        column: The name of the column, for faults.
        numbers: Whether labels are numbers although they are the names of classes.
    """
    texts, codes = _distinct(labels)
    index_of = _index_of(target, numbers=numbers)
    values = np.array([index_of(text.strip()) for text in texts], np.int64)[codes]
    wrong = np.flatnonzero(values == _NOT_A_CLASS).tolist()
    strange = [(row, texts[codes[row]].strip()) for row in wrong]
    return arrow_array(values), _no_classes(strange, column, target)


def separated_classes(
    labels: pa.Array | pa.ChunkedArray, target: CellTarget, column: str
) -> tuple[pa.Array, list[RowFault]]:
    """Return which classes each cell names [n], as lists of 0 and 1, and the faults of others.

    Args:
        labels: The cells [n], strings. A null or an empty cell names no class.
        target: The classes and what stands between them.
        column: The name of the column, for faults.
    """
    cells, codes = _distinct(labels)
    flags = np.zeros((len(cells), len(target.names())), np.uint8)
    strange: dict[int, list[str]] = {}
    index_of = _index_of(target)
    for at, cell in enumerate(cells):
        named = split_labels(cell, target)
        indices = [index_of(label) for label in named]
        if _NOT_A_CLASS in indices:
            found = zip(named, indices, strict=True)
            strange[at] = [label for label, index in found if index == _NOT_A_CLASS]
        else:
            flags[at, indices] = 1
    wrong = np.flatnonzero(np.isin(codes, [*strange])).tolist() if strange else []
    unknown = [(row, label) for row in wrong for label in strange[int(codes[row])]]
    return class_lists(flags[codes]), _no_classes(unknown, column, target)


def split_labels(cell: str, target: Target) -> list[str]:
    """Return the labels that a cell names: one, or as many as its separator cuts it into.

    Example:
        >>> split_labels("a; b;", CellTarget(classes=("a", "b"), separator=";"))
        ['a', 'b']
    """
    separator = target.separator if isinstance(target, CellTarget) else None
    if separator is None:
        return [cell]
    return [label for part in cell.split(separator) if (label := part.strip())]


def flag_columns(
    columns: Sequence[pa.Array], names: Sequence[str]
) -> tuple[pa.Array, list[RowFault]]:
    """Return classes that have a column each [n], as lists of 0 and 1, and the faults of others.

    Args:
        columns: A column [n] of strings for each class: `true`, `yes`, `y`, `t` or 1 if the row is
            of it, `false`, `no`, `n`, `f` or 0 if it is not, in any case.
        names: Their names, for faults.
    """
    flags = np.zeros((len(columns[0]), len(names)), np.uint8)
    faults: list[RowFault] = []
    for index, (cells, name) in enumerate(zip(columns, names, strict=True)):
        texts, codes = _distinct(cells)
        spelt = [text.strip().lower() for text in texts]
        flags[:, index] = np.array([text in TRUE for text in spelt], np.uint8)[codes]
        known = np.array([text in TRUE or text in FALSE for text in spelt], np.bool_)
        for row in np.flatnonzero(~known[codes]).tolist():
            facts = {"expected": f"one of {listed(TRUE + FALSE)}", "fix": "correct the file"}
            found = repr(texts[codes[row]])
            faults.append(RowFault(row, name, ValueFormatError, found=found, **facts))
    return class_lists(flags), faults


def read_labels(
    name: str, target: CellTarget, cells: Cells, *, numbers: bool, drop: bool
) -> tuple[pa.Array, list[RowFault]]:
    """Return the classes [n] of a column of a table, and the faults of the labels that are none.

    A missing label is a fault unless its row is dropped. Its class has no meaning then. With a
    separator, an empty cell names no class.

    Args:
        name: The name of the column.
        target: The classes.
        cells: The cells.
        numbers: Whether labels are numbers.
        drop: Whether rows without a label are dropped.
    """
    if target.separator is not None:
        classes, faults = separated_classes(cells.texts, target, name)
    else:
        classes, faults = class_indices(cells.texts, target, name, numbers=numbers)
    missing = {*cells.missing_rows()}
    faults = [fault for fault in faults if fault.row not in missing]
    if drop:
        return classes, faults
    expected = f"one of {listed(target.labels())}"
    fix = f'correct the file, or set columns.{name}.missing = "drop" in the recipe'
    for row in missing:
        if target.separator is None or cells.written[row].as_py():
            facts = {"expected": expected, "found": cells.found(row), "fix": fix}
            faults.append(RowFault(row, name, UnknownClassError, **facts))
    return classes, faults


def read_number_labels(
    labels: pa.Array, column: str, form: NumberFormat
) -> tuple[pa.Array, list[RowFault]]:
    """Return the numbers [n] of a column of labels, float64, and the faults of those that are none.

    Args:
        labels: The labels [n], strings.
        column: The name of the column, for faults.
        form: How the numbers are written.
    """
    cells = Cells.of(labels)
    numbers = filled_array(read_numbers(cells.texts, "float64", form), np.nan)
    faults = []
    for row in rows_without_float32(numpy_array(numbers)):
        keys = [
            f"csv.{key}" for key in keys_for_number(cells.texts[row].as_py() or "", form).split()
        ]
        known = [key for key in keys if key in ("csv.decimal", "csv.thousands")]
        what = f"set {' or '.join(known)} in the recipe" if known else "give the target classes"
        facts = {"expected": "a finite number", "fix": f"correct the file, or {what}"}
        faults.append(RowFault(row, column, ValueFormatError, found=cells.found(row), **facts))
    return numbers, faults


def rows_without_float32(numbers: Array) -> list[int]:
    """Return the rows of `numbers` [n] that are infinite or NaN as the float32 of a target."""
    with np.errstate(over="ignore"):  # a number that is too large becomes infinite
        rows: list[int] = np.flatnonzero(~np.isfinite(numbers.astype(np.float32))).tolist()
    return rows


def _distinct(labels: pa.Array | pa.ChunkedArray) -> tuple[list[str], Array]:
    """Return the distinct labels as texts, and for each label [n] which it is."""
    if isinstance(labels, pa.ChunkedArray):
        labels = labels.combine_chunks()
    found = labels.cast(pa.string()).dictionary_encode("encode")  # a null is a value like any other
    return [text or "" for text in found.dictionary.to_pylist()], numpy_array(found.indices)


def _index_of(target: Target, *, numbers: bool = False) -> Callable[[str], int]:
    """Return what gives the class index of a label, or -1."""
    known, by_number = target.labels(), dict[str | None, int]()
    if numbers or target.first is not None:
        # 1.0 and 01 are 1, as one class at most is.
        times = Counter(map(_whole_number, known))
        by_number = {n: known[label] for label in known if times[n := _whole_number(label)] == 1}
        by_number.pop(None, None)  # the one class that is no number

    def index_of(label: str) -> int:
        index = known.get(label)
        if index is None and by_number:
            index = by_number.get(_whole_number(label))
        return _NOT_A_CLASS if index is None else index

    return index_of


def _whole_number(text: str) -> str | None:
    """Return a whole number in its shortest form; None if a text is none."""
    match = re.fullmatch(r"\+?(-?)0*([0-9]+)(\.0*)?", text)
    if match is None or text.startswith("+-"):
        return None
    return match[2] if match[2] == "0" else match[1] + match[2]


def _no_classes(strange: Sequence[tuple[int, str]], column: str, target: Target) -> list[RowFault]:
    """Return a fault for each row and label that is no class."""
    facts = {"expected": f"one of {listed(target.labels())}", "fix": _OTHER_CLASS}
    return [
        RowFault(row, column, UnknownClassError, found=repr(label), **facts)
        for row, label in strange
    ]
