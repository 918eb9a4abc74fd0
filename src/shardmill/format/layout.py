"""Where each field lies inside a shard. The whole on-disk format of a shard is on this page.

A shard is a valid safetensors file (https://huggingface.co/docs/safetensors, section Format):
8 bytes header length, little-endian; the header, JSON; the tensors' bytes, without holes.
Three choices on top of that make shards mappable side by side into one span of memory:

- the header is padded with spaces, so that the data starts at a multiple of ALIGNMENT;
- every tensor starts at a multiple of ALIGNMENT, held by named padding tensors, because
  safetensors allows no holes;
- all shards of a split but the last hold the same number of rows, and that number makes every
  fixed-size field end at a multiple of ALIGNMENT (`aligned_rows`).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

FORMAT_NAME = "shardmill"
FORMAT_VERSION = 1

# Files are mapped at page borders. 16 KiB is a multiple of the page size of x86-64 (4 KiB) and of
# Apple silicon (16 KiB); where pages are larger, each shard is mapped as a whole.
ALIGNMENT = 16_384

# Rows are gathered from the page cache, so larger shards would only divide a build more coarsely.
DEFAULT_ROWS_PER_SHARD = 65_536
DEFAULT_SHARD_BYTES = 64 * 2**20
# Shards of large splits have more rows, so that there are at most so many: each is a file to open,
# and a process may map about 65,530 regions. A task holds a shard in memory, so shards grow only
# while their rows take at most so many bytes. A row of a ragged field counts as 256 ids of int32,
# since its size is not known.
MOST_SHARDS = 4_000
GROWN_SHARD_BYTES = 2**30
RAGGED_ROW_BYTES = 1_024

DTypeName = Literal[
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"
]

# name in the manifest -> (name in the safetensors header, bytes per element); all little-endian.
DTYPES: Mapping[DTypeName, tuple[str, int]] = {
    "bool": ("BOOL", 1),
    "uint8": ("U8", 1),
    "int8": ("I8", 1),
    "int16": ("I16", 2),
    "int32": ("I32", 4),
    "int64": ("I64", 8),
    "float16": ("F16", 2),
    "float32": ("F32", 4),
    "float64": ("F64", 8),
}

OFFSETS_DTYPE: DTypeName = "int64"  # a shard may hold more than 2**31 values
SIZES_DTYPE: DTypeName = "int32"  # a row may not hold so many


# What a field is for. An input goes into the model. A target is what the model learns: one class
# of several, any number of classes at once (a column of 0 and 1 for each), or a number.
Role = Literal["input", "class", "classes", "number"]


@dataclass(frozen=True, slots=True)
class Field:
    """One value per row: a tensor of `shape`, or a ragged vector of any length.

    `Field.input` and `Field.target` make fields with the names that the format gives them.

    Attributes:
        name: `x` for the model's input and `y` for its target; `x.<group>` and `y.<group>` where
            there are several.
        dtype: The element type in the file.
        shape: The shape of one row, without the row dimension; empty for a scalar.
        ragged: Whether the rows are vectors of different lengths. Their `shape` is empty then.
        role: What the field is for.
        group: The name of the group of features, or of the target, where there are several.
    """

    name: str
    dtype: DTypeName
    shape: tuple[int, ...] = ()
    ragged: bool = False
    role: Role = "input"
    group: str | None = None

    @classmethod
    def input(
        cls,
        dtype: DTypeName,
        shape: tuple[int, ...] = (),
        *,
        ragged: bool = False,
        group: str | None = None,
    ) -> Self:
        """Return a field of the model's input.

        Example:
            >>> Field.input("float32", (7,), group="numbers").name
            'x.numbers'
        """
        return cls(_field_name("x", group), dtype, shape, ragged, "input", group)

    @classmethod
    def target(
        cls,
        role: Literal["class", "classes", "number"],
        dtype: DTypeName,
        shape: tuple[int, ...] = (),
        *,
        group: str | None = None,
    ) -> Self:
        """Return a field of the model's target.

        Example:
            >>> Field.target("class", "uint8").name
            'y'
        """
        return cls(_field_name("y", group), dtype, shape, False, role, group)

    @property
    def is_target(self) -> bool:
        """Whether the field is a target rather than an input."""
        return self.role != "input"

    @property
    def batch_dtype(self) -> DTypeName:
        """The element type in a batch: what the losses of torch take, however small it is stored.

        A class index is int64, and the 0 and 1 of several classes are float32.
        """
        of_role: Mapping[Role, DTypeName] = {"class": "int64", "classes": "float32"}
        return of_role.get(self.role, self.dtype)

    def is_named_by_role(self) -> bool:
        """Say whether the name is the one that the role and the group give."""
        return self.name == _field_name("y" if self.is_target else "x", self.group)


def _field_name(letter: str, group: str | None) -> str:
    return letter if group is None else f"{letter}.{group}"


@dataclass(frozen=True, slots=True)
class Extent:
    """One tensor of a shard: its bytes `[start, stop)`, counted from the start of the data."""

    name: str
    dtype: DTypeName
    shape: tuple[int, ...]
    start: int
    stop: int


def round_up(n: int, multiple: int) -> int:
    """Return the smallest multiple of `multiple` that is at least `n`."""
    return -(-n // multiple) * multiple


def row_bytes(field: Field) -> int:
    """Return the bytes that one row of a fixed-size field takes."""
    return math.prod(field.shape) * DTYPES[field.dtype][1]


def fixed_tensors(field: Field) -> list[Field]:
    """Return the tensors of a field that have rows of fixed size.

    A ragged field has two: where each row starts in the flat values, and how long it is. This is
    the list-view layout of Arrow.
    """
    if field.ragged:
        return [
            Field(f"{field.name}.offsets", OFFSETS_DTYPE, role=field.role, group=field.group),
            Field(f"{field.name}.sizes", SIZES_DTYPE, role=field.role, group=field.group),
        ]
    return [field]


def aligned_rows(fields: Sequence[Field], rows: int) -> int:
    """Round `rows` per shard up until every fixed-size tensor ends at a multiple of ALIGNMENT.

    Labels of 8 bytes, for example, need a multiple of 16,384 / 8 = 2,048 rows.
    """
    multiple = 1
    for field in fields:
        for tensor in fixed_tensors(field):
            multiple = math.lcm(multiple, ALIGNMENT // math.gcd(ALIGNMENT, row_bytes(tensor)))
    return round_up(max(rows, 1), multiple)


def default_rows_per_shard(fields: Sequence[Field], rows: int) -> int:
    """Return the aligned rows of a shard of about 64 MiB, and of at most about 65,536 rows.

    Shards of large rows are larger if alignment needs more rows, such as 2,048 with a label. If
    there would be more than 4,000 shards, the rows are doubled, up to shards of about 1 GiB.

    Args:
        fields: The fields of a split.
        rows: How many rows the largest split has.

    Example:
        >>> fields = [Field.input("int32", ragged=True), Field.target("class", "int64")]
        >>> [default_rows_per_shard(fields, rows) for rows in (10**8, 10**9)]
        [65536, 262144]
    """
    fixed = sum(row_bytes(tensor) for field in fields for tensor in fixed_tensors(field))
    most = min(DEFAULT_ROWS_PER_SHARD, DEFAULT_SHARD_BYTES // max(fixed, 1))
    per_shard = aligned_rows(fields, most)
    grown = fixed + RAGGED_ROW_BYTES * sum(field.ragged for field in fields)
    # A power of two stays one, by which readers divide faster.
    while rows > per_shard * MOST_SHARDS and 2 * per_shard * grown <= GROWN_SHARD_BYTES:
        per_shard *= 2
    return per_shard


def shard_layout(
    fields: Sequence[Field], rows: int, values: Mapping[str, int]
) -> tuple[Extent, ...]:
    """Place every tensor of a shard of `rows` rows, in file order, paddings included.

    Fixed-size tensors come first, in the order of `fields`. The flat values of ragged fields come
    last.

    Args:
        fields: The fields of the split.
        rows: How many rows the shard has.
        values: How many values the rows of each ragged field hold together.
    """
    tensors = [(t, (rows, *t.shape)) for field in fields for t in fixed_tensors(field)]
    tensors += [(field, (values[field.name],)) for field in fields if field.ragged]
    extents: list[Extent] = []
    position = 0
    for tensor, shape in tensors:
        start = round_up(position, ALIGNMENT)
        if start > position:
            name = f"__padding_{len(extents)}__"
            extents.append(Extent(name, "uint8", (start - position,), position, start))
        position = start + math.prod(shape) * DTYPES[tensor.dtype][1]
        extents.append(Extent(tensor.name, tensor.dtype, shape, start, position))
    return tuple(extents)


def shard_header(extents: Sequence[Extent]) -> bytes:
    """Return the bytes of a shard before its data. Their length is a multiple of ALIGNMENT."""
    header: dict[str, object] = {"__metadata__": {FORMAT_NAME: str(FORMAT_VERSION)}}
    for extent in extents:
        header[extent.name] = {
            "dtype": DTYPES[extent.dtype][0],
            "shape": list(extent.shape),
            "data_offsets": [extent.start, extent.stop],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    length = round_up(8 + len(text), ALIGNMENT) - 8
    return length.to_bytes(8, "little") + text.ljust(length)
