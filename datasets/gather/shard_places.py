"""Where the tensors of each shard of a split are in its file, found for all shards at once."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shardmill.errors import ManifestError
from shardmill.format.layout import ALIGNMENT, fixed_tensors, row_bytes, shard_layout
from shardmill.format.manifest import SplitRecord
from shardmill.format.read_checked import REBUILD
from shardmill.format.shard_table import ShardCounts

# The tensors of no file are so large together, so that sums of sizes fit into 64 bits.
_MOST_BYTES = 2**62

Places = Mapping[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]


def find_places(artifact: Path, split: SplitRecord, counts: ShardCounts) -> Places:
    """Return the start of each tensor in the file of each shard, and its length: [S] bytes each.

    This is `shard_layout` for all S shards. The header is all that stands before the tensors. The
    format makes it whole pages.

    Args:
        artifact: The folder of the artifact, for errors.
        split: The record of the split.
        counts: The numbers of its shards.

    Raises:
        ManifestError: A shard has another size than its rows take.
    """
    tensors = [(t, counts.rows) for field in split.fields for t in fixed_tensors(field)]
    tensors += [(field, counts.values[field.name]) for field in split.fields if field.ragged]
    largest = int(counts.bytes.max(initial=0))
    if largest >= _MOST_BYTES // len(tensors):
        raise _wrong_size(artifact, split, int(counts.bytes.argmax()))
    end = np.zeros(len(counts.bytes), np.int64)
    places = {}
    for tensor, rows in tensors:
        size = row_bytes(tensor)
        # Numbers of a damaged manifest may be anything. No tensor is longer than the largest file,
        # so nothing overflows.
        if int(rows.max(initial=0)) > largest // size:
            raise _wrong_size(artifact, split, int(rows.argmax()))
        start = end + -end % ALIGNMENT
        lengths = rows * size
        end = start + lengths
        places[tensor.name] = (start, lengths)
    header = counts.bytes - end
    wrong = (header < ALIGNMENT) | (header % ALIGNMENT != 0)
    if wrong.any():
        raise _wrong_size(artifact, split, int(wrong.argmax()))
    return {name: (header + start, lengths) for name, (start, lengths) in places.items()}


def _wrong_size(artifact: Path, split: SplitRecord, index: int) -> ManifestError:
    shard = split.shards[index]
    end = shard_layout(split.fields, shard.rows, shard.values)[-1].stop
    return ManifestError(
        artifact / shard.path,
        expected=f"a header of whole pages and {end:,} bytes for {shard.rows:,} rows",
        found=f"{shard.bytes:,} bytes in the manifest",
        fix=REBUILD,
    )
