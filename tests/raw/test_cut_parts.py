"""Parts are chunks put together: every chunk once, in order, as the sizes alone say."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings, strategies as st

from shardmill.raw.cut_parts import Part, cut_parts
from shardmill.raw.work_sizes import WorkSizes

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Piece:
    number: int
    bytes: int


def pieces(sizes: list[int]) -> list[Piece]:
    return [Piece(number, size) for number, size in enumerate(sizes)]


def sizes_of(parts: list[Part]) -> list[int]:
    return [sum(chunk.bytes for chunk in part.chunks) for part in parts]


@settings(max_examples=100, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 64 * MIB), max_size=40),
    total=st.integers(0, 2**40),
)
def test_chunks_of_the_parts_in_order_are_the_chunks(sizes: list[int], total: int) -> None:
    chunks = pieces(sizes)
    parts = list(cut_parts(iter(chunks), part_bytes=WorkSizes().part_bytes(total)))
    assert [chunk for part in parts for chunk in part.chunks] == chunks
    assert [part.index for part in parts] == list(range(len(parts)))
    assert all(part.chunks for part in parts)
    least = min(max(total // 64, 16 * MIB), 128 * MIB)
    for size, part in zip(sizes_of(parts)[:-1], parts, strict=False):
        assert least <= size < least + part.chunks[-1].bytes  # closed by the chunk that reaches it


SIZES = [
    # MiB in all, MiB of a part
    (0, 16),
    (1, 16),
    (1024, 16),  # 64 parts
    (2048, 32),
    (8192, 128),
    (2**20, 128),  # large inputs get more parts, not larger ones
]


@pytest.mark.parametrize(("total", "part"), SIZES)
def test_size_of_a_part(total: int, part: int) -> None:
    chunks = pieces([8 * MIB] * (total // 8))[:200]
    parts = list(cut_parts(chunks, part_bytes=WorkSizes().part_bytes(total * MIB)))
    assert sizes_of(parts)[:-1] == [part * MIB] * (len(parts) - 1)


@settings(deadline=None)
@given(total=st.integers(0, 20_000), row=st.integers(1, 20_000))
def test_about_how_many_parts_there_are(total: int, row: int) -> None:
    sizes, whole = WorkSizes(), total * MIB
    chunk = sizes.chunk_bytes // row * row  # as many whole rows as there is room for
    if chunk == sizes.chunk_bytes:
        chunk -= row
    full, rest = divmod(whole, chunk)
    parts = list(
        cut_parts(pieces([chunk] * full + [rest] * (rest > 0)), part_bytes=sizes.part_bytes(whole))
    )
    assert len(parts) == pytest.approx(sizes.part_count(whole), abs=1, rel=0.01)


def test_chunks_are_taken_as_they_are_needed() -> None:
    def endless() -> object:
        number = 0
        while True:
            yield Piece(number, MIB)
            number += 1

    parts = cut_parts(endless(), part_bytes=16 * MIB)  # type: ignore[arg-type]
    assert [len(next(parts).chunks) for _ in range(3)] == [16, 16, 16]


@pytest.mark.parametrize(
    "sizes",
    [
        {"chunk_bytes": 0},
        {"parts": 0},
        {"row_group_rows": 0},
        {"smallest_part_bytes": 2**30},  # above the largest
        {"chunk_bytes": 9 * MIB},  # more than half a part
    ],
)
def test_sizes_that_do_not_fit_together(sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"sizes are above 0|must have room for two chunks"):
        WorkSizes(**sizes)
