"""Laws of the shard layout: no holes, aligned tensors, padded headers."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from shardmill.format.layout import (
    ALIGNMENT,
    DEFAULT_ROWS_PER_SHARD,
    DTYPES,
    Extent,
    Field,
    aligned_rows,
    default_rows_per_shard,
    round_up,
    row_bytes,
    shard_header,
    shard_layout,
)

few = settings(max_examples=60, deadline=None)
dtypes = st.sampled_from(sorted(DTYPES))
shapes = st.lists(st.integers(1, 5), max_size=3).map(tuple)
fixed_fields = st.builds(Field, st.just("?"), dtypes, shapes)
ragged_fields = st.builds(Field, st.just("?"), dtypes, ragged=st.just(True))


def name_fields(fields: list[Field]) -> list[Field]:
    return [Field(f"f{i}", f.dtype, f.shape, f.ragged) for i, f in enumerate(fields)]


field_lists = st.lists(fixed_fields | ragged_fields, min_size=1, max_size=4).map(name_fields)
row_counts = st.integers(0, 50_000)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[list[Field], int, dict[str, int]]:
    fields = draw(field_lists)
    values = {f.name: draw(st.integers(0, 100_000)) for f in fields if f.ragged}
    return fields, draw(row_counts), values


def is_padding(extent: Extent) -> bool:
    return extent.name.startswith("__padding_")


def stored_row_bytes(fields: list[Field]) -> list[int]:
    """Bytes of one row in each fixed-size tensor: int64 offsets and int32 sizes if ragged."""
    return [n for f in fields for n in ([8, 4] if f.ragged else [row_bytes(f)])]


@few
@given(layouts())
def test_tensors_follow_each_other_without_holes(
    layout: tuple[list[Field], int, dict[str, int]],
) -> None:
    extents = shard_layout(*layout)
    assert [e.start for e in extents] == [0, *(e.stop for e in extents[:-1])]
    for extent in extents:
        itemsize = np.dtype(extent.dtype).itemsize
        assert extent.stop - extent.start == math.prod(extent.shape) * itemsize
    assert len({e.name for e in extents}) == len(extents)


@few
@given(layouts())
def test_tensors_are_aligned_and_paddings_are_short(
    layout: tuple[list[Field], int, dict[str, int]],
) -> None:
    extents = shard_layout(*layout)
    assert not is_padding(extents[-1])
    for extent in extents:
        if is_padding(extent):
            assert extent.dtype == "uint8"
            assert 0 < extent.stop - extent.start < ALIGNMENT
        else:
            assert extent.start % ALIGNMENT == 0


@few
@given(layouts())
def test_fixed_tensors_come_first_and_flat_values_last(
    layout: tuple[list[Field], int, dict[str, int]],
) -> None:
    fields, rows, values = layout
    fixed = [
        tensor
        for f in fields
        for tensor in (
            [(f"{f.name}.offsets", "int64", (rows,)), (f"{f.name}.sizes", "int32", (rows,))]
            if f.ragged
            else [(f.name, f.dtype, (rows, *f.shape))]
        )
    ]
    flat = [(f.name, f.dtype, (values[f.name],)) for f in fields if f.ragged]
    found = [(e.name, e.dtype, e.shape) for e in shard_layout(*layout) if not is_padding(e)]
    assert found == fixed + flat


@few
@given(layouts())
def test_header_is_json_padded_with_spaces(
    layout: tuple[list[Field], int, dict[str, int]],
) -> None:
    extents = shard_layout(*layout)
    header = shard_header(extents)
    assert len(header) % ALIGNMENT == 0
    assert int.from_bytes(header[:8], "little") == len(header) - 8
    text = header[8:].rstrip(b" ")
    assert text.startswith(b"{")
    assert len(header) - 8 - len(text) < ALIGNMENT  # no longer than needed
    tensors = json.loads(text)
    assert tensors.pop("__metadata__") == {"shardmill": "1"}
    assert list(tensors) == [e.name for e in extents]
    for extent in extents:
        assert tensors[extent.name] == {
            "dtype": DTYPES[extent.dtype][0],
            "shape": list(extent.shape),
            "data_offsets": [extent.start, extent.stop],
        }


@pytest.mark.parametrize("spare", [-1, 0, 1])
def test_header_at_the_edge_of_one_alignment(spare: int) -> None:
    bare = len(shard_header([Extent("", "uint8", (1,), 0, 1)])[8:].rstrip(b" "))
    name = "n" * (ALIGNMENT - 8 - bare - spare)
    header = shard_header([Extent(name, "uint8", (1,), 0, 1)])
    assert len(header) == (ALIGNMENT if spare >= 0 else 2 * ALIGNMENT)


@few
@given(field_lists, row_counts)
def test_aligned_rows_is_the_smallest_that_aligns_every_field(
    fields: list[Field], rows: int
) -> None:
    found = aligned_rows(fields, rows)
    candidates = np.arange(max(rows, 1), found + 1, dtype=np.int64)
    aligned = np.ones(len(candidates), bool)
    for n in stored_row_bytes(fields):
        aligned &= candidates * n % ALIGNMENT == 0
    assert candidates[aligned].tolist() == [found]


@few
@given(field_lists, st.integers(1, 50_000))
def test_full_shards_need_no_padding(fields: list[Field], rows: int) -> None:
    values = {f.name: ALIGNMENT for f in fields if f.ragged}
    extents = shard_layout(fields, aligned_rows(fields, rows), values)
    assert not any(is_padding(e) for e in extents)


@few
@given(field_lists)
def test_default_rows_are_aligned_and_bounded(fields: list[Field]) -> None:
    rows = default_rows_per_shard(fields, 1)
    assert aligned_rows(fields, rows) == rows
    assert 1 <= rows <= DEFAULT_ROWS_PER_SHARD
    # Beyond 64 MiB only by rounding up.
    shortened = rows - aligned_rows(fields, 1)
    assert shortened * sum(stored_row_bytes(fields)) < 64 * 2**20


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_round_up_is_the_smallest_multiple(n: int, multiple: int) -> None:
    found = round_up(n, multiple)
    assert found % multiple == 0
    assert n <= found < n + multiple


LABEL = Field.target("class", "int64")


@pytest.mark.parametrize(
    ("fields", "multiple"),
    [
        # 16,384 / 8 = 2,048 labels
        ([LABEL], 2_048),
        # one byte a row: 16,384 rows
        ([Field.input("uint8")], 16_384),
        ([Field.input("bool", (3,))], 16_384),
        # 28 * 28 = 784 = 16 * 49: 16,384 / 16
        ([Field.input("uint8", (28, 28))], 1_024),
        # the label needs more than the image
        ([Field.input("uint8", (28, 28)), LABEL], 2_048),
        # 7 float32 = 28 = 4 * 7: 16,384 / 4
        ([Field.input("float32", (7,)), LABEL], 4_096),
        # int64 offsets need 2,048, int32 sizes 4,096
        ([Field.input("int32", ragged=True)], 4_096),
        # a row that is a multiple of ALIGNMENT leaves every number of rows aligned
        ([Field.input("uint8", (128, 128))], 1),
        ([Field.input("float64", (2, 1024))], 1),
    ],
)
def test_examples_of_aligned_rows(fields: list[Field], multiple: int) -> None:
    assert aligned_rows(fields, 0) == multiple
    assert aligned_rows(fields, multiple) == multiple
    assert aligned_rows(fields, multiple + 1) == 2 * multiple


@pytest.mark.parametrize(
    ("fields", "rows"),
    [
        # small rows: as many as a shard may have
        ([Field.input("uint8", (1, 28, 28)), LABEL], 65_536),
        ([Field.input("int32", ragged=True), LABEL], 65_536),
        # 64 MiB / 65,536 bytes a row
        ([Field.input("uint8", (256, 256))], 1_024),
        # 64 MiB / 12,296 bytes a row = 5,457, rounded up to the label's 2,048
        ([Field.input("float32", (3, 32, 32)), LABEL], 6_144),
        # a row of more than 64 MiB still makes a shard
        ([Field.input("uint8", (2**14, 2**14))], 1),
    ],
)
def test_examples_of_default_rows(fields: list[Field], rows: int) -> None:
    assert default_rows_per_shard(fields, 1) == rows


@pytest.mark.parametrize(
    ("fields", "rows", "per_shard"),
    [
        # up to 4,000 shards as ever
        ([Field.input("uint8", (1, 28, 28)), LABEL], 4_000 * 65_536, 65_536),
        ([Field.input("uint8", (1, 28, 28)), LABEL], 4_000 * 65_536 + 1, 131_072),
        # 3,815 shards of 198 MiB, and of texts
        ([Field.input("uint8", (1, 28, 28)), LABEL], 10**9, 262_144),
        ([Field.input("int32", ragged=True), LABEL], 10**9, 262_144),
        # 589 MiB; twice as many rows would take more than 1 GiB
        ([Field.input("uint8", (3, 224, 224)), LABEL], 10**9, 4_096),
        # no shard grows beyond 1 GiB, and one that is larger for a row stays so
        ([Field.input("uint8", (1, 28, 28)), LABEL], 10**12, 1_048_576),
        ([Field.input("uint8", (2**15, 2**15))], 10**9, 1),
    ],
)
def test_shards_grow_with_the_split(fields: list[Field], rows: int, per_shard: int) -> None:
    assert default_rows_per_shard(fields, rows) == per_shard
    assert aligned_rows(fields, per_shard) == per_shard


def test_example_of_a_layout() -> None:
    fields = [Field.input("int32", ragged=True), LABEL]
    assert shard_layout(fields, 3, {"x": 5}) == (
        Extent("x.offsets", "int64", (3,), 0, 24),
        Extent("__padding_1__", "uint8", (16_360,), 24, 16_384),
        Extent("x.sizes", "int32", (3,), 16_384, 16_396),
        Extent("__padding_3__", "uint8", (16_372,), 16_396, 32_768),
        Extent("y", "int64", (3,), 32_768, 32_792),
        Extent("__padding_5__", "uint8", (16_360,), 32_792, 49_152),
        Extent("x", "int32", (5,), 49_152, 49_172),
    )


@pytest.mark.parametrize("dtype", sorted(DTYPES))
def test_dtypes_have_numpys_names_and_widths(dtype: str) -> None:
    code, size = {str(name): entry for name, entry in DTYPES.items()}[dtype]
    assert np.dtype(dtype).itemsize == size
    assert code == "BOOL" or code[1:] == str(8 * size)
