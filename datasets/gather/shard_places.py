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

# No file is so large, and sums of smaller sizes and a header fit into 64 bits.
_MOST_BYTES = 2**61

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
    end = np.zeros(len(counts.bytes), np.int64)
    wrong = counts.bytes >= _MOST_BYTES
    places = {}
    for tensor, rows in tensors:
        # Sizes that a damaged manifest states may be anything, but nothing overflows: a tensor that
        # is longer than its file is noted and left out.
        too_long = rows > counts.bytes // row_bytes(tensor)
        lengths = np.where(too_long, 0, rows) * row_bytes(tensor)
        start = -(-end // ALIGNMENT) * ALIGNMENT  # as `round_up`
        end = start + lengths
        wrong |= too_long | (end > counts.bytes)
        end = np.where(wrong, 0, end)
        places[tensor.name] = (start, lengths)
    header = counts.bytes - end
    wrong |= (header < ALIGNMENT) | (header % ALIGNMENT != 0)
    for index in np.flatnonzero(wrong)[:1].tolist():
        shard = split.shards[index]
        last = shard_layout(split.fields, shard.rows, shard.values)[-1].stop
        raise ManifestError(
            artifact / shard.path,
            expected=f"a header of whole pages and {last:,} bytes for {shard.rows:,} rows",
            found=f"{shard.bytes:,} bytes in the manifest",
            fix=REBUILD,
        )
    return {name: (header + start, lengths) for name, (start, lengths) in places.items()}
