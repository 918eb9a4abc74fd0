"""How large the pieces are that a build works on."""

from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True)
class WorkSizes:
    """The sizes of the pieces of a build. The bytes of an artifact depend on the parts.

    The defaults are for every build; tests make pieces small.

    Attributes:
        chunk_bytes: How much of a raw file is in memory at a time, for each worker.
        smallest_part_bytes: The least bytes of a part. A part becomes a Parquet file, and small
            inputs have parts enough for some cores.
        largest_part_bytes: The most bytes of a part, to within a chunk.
        parts: How many parts an input has, unless its parts would be smaller than the smallest or
            larger than the largest. The number keeps the files of large inputs few.
        row_group_rows: The most rows of a row group in a Parquet file, to within a chunk. A row
            group is read as a whole, so it must be small in memory.
        row_group_bytes: The most bytes of a row group in memory, to within a chunk.
        large_bytes: From how many bytes on raw files are hashed and scanned by all workers. What
            tasks import must be imported before the workers are forked. For smaller files that
            takes as long as it takes to hash them meanwhile.
        range_bytes: How much of a file one task hashes or scans. Smaller files are not divided.
        grain_bytes: What a scan tells of by itself. A grain takes 7 bytes of memory in the process
            that drives the build, 60 MB for a terabyte. About a grain is read again for each chunk.

    Raises:
        ValueError: A size is not above 0, the smallest part is larger than the largest, or a chunk
            is larger than half a part. A part closes with the chunk that reaches its size, so
            larger chunks would make parts uneven.
    """

    chunk_bytes: int = 8 * 2**20
    smallest_part_bytes: int = 16 * 2**20
    largest_part_bytes: int = 128 * 2**20
    parts: int = 64
    row_group_rows: int = 16_384
    row_group_bytes: int = 8 * 2**20
    large_bytes: int = 512 * 2**20
    range_bytes: int = 64 * 2**20
    grain_bytes: int = 128 * 2**10

    def __post_init__(self) -> None:
        smallest = min(astuple(self))
        if smallest < 1:
            raise ValueError(f"sizes are above 0, not {smallest}")
        if not 2 * self.chunk_bytes <= self.smallest_part_bytes <= self.largest_part_bytes:
            raise ValueError(
                f"a part of {self.smallest_part_bytes:,} to {self.largest_part_bytes:,} bytes must "
                f"have room for two chunks of {self.chunk_bytes:,}"
            )

    def part_bytes(self, total_bytes: int) -> int:
        """Return about how many bytes a part has, of an input of `total_bytes`."""
        share = total_bytes // self.parts
        return min(max(share, self.smallest_part_bytes), self.largest_part_bytes)

    def part_count(self, total_bytes: int) -> int:
        """Return about how many parts an input of `total_bytes` has.

        Chunks end with a row, so they are a little smaller than `chunk_bytes`, and a part needs one
        more of them than would fill it.
        """
        chunks = self.part_bytes(total_bytes) // self.chunk_bytes + 1
        return -(-total_bytes // (chunks * self.chunk_bytes))


DEFAULT_SIZES = WorkSizes()
