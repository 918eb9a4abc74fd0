"""Finds all unknown classes or categories of a column, for the error that names the first one.

Otherwise a recipe that lacks several would be mended one by one, build after build.
"""

from collections.abc import Iterator
from contextlib import suppress

from shardmill.errors import InputError, UnknownCategoryError, UnknownClassError
from shardmill.kinds.find_kind import find_kind
from shardmill.kinds.row import Cleaned, RowFault
from shardmill.pipeline.stages.clean_job import CleanJob
from shardmill.raw.cut_parts import Chunk
from shardmill.recipe.names import listed

# An error should come within seconds. So no more of a file is read for it, and as many values are
# told apart.
_MOST_BYTES = 256 * 2**20
_MOST_VALUES = 1_000


def with_others(fault: RowFault, job: CleanJob, chunk: Chunk, cleaned: Cleaned) -> RowFault:
    """Return a fault that also names the other values of its column which are unknown as well.

    They are looked for in the rest of the file, up to 256 MiB. The result does not depend on how
    the file was cut into parts.

    Args:
        fault: The first fault of the file. If it is another one, it is returned as it is.
        job: What is the same for all parts of the split.
        chunk: The chunk in which the fault is.
        cleaned: The cleaned rows of the chunk.
    """
    if fault.error not in (UnknownClassError, UnknownCategoryError):
        return fault
    values: dict[str, None] = {}
    for other in _faults(job, chunk, cleaned):
        if (other.error, other.column) == (fault.error, fault.column):
            values[other.facts["found"]] = None
            if len(values) > _MOST_VALUES:
                break
    first, *others = values
    if not others:
        return fault
    least = "at least " if len(values) > _MOST_VALUES else ""
    found = f"{first}, and in other rows {listed(others, least=least)}"
    return RowFault(fault.row, fault.column, fault.error, **{**fault.facts, "found": found})


def _faults(job: CleanJob, chunk: Chunk, cleaned: Cleaned) -> Iterator[RowFault]:
    """Yield the faults of a chunk, then those of the rest of its file."""
    yield from cleaned.faults
    labelled, size = job.recipe.splits[job.split].labelled, 0
    # A later row that is bad in another way is not what this error is about.
    with suppress(InputError):
        for later in job.source.rest(chunk, job.sizes.chunk_bytes):
            size += later.bytes
            if size > _MOST_BYTES:
                return
            rows = job.source.read(later).table
            yield from find_kind(job.recipe).clean(job.recipe, rows, labelled=labelled).faults
