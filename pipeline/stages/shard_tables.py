"""Takes the records of shards, and puts those of very many into a table beside the shards."""

from collections.abc import Iterator, Sequence
from itertools import islice

from shardmill.format.layout import Field
from shardmill.format.manifest import ShardRecord
from shardmill.format.shard_table import (
    MOST_LISTED_SHARDS,
    TABLE_SUFFIX,
    ShardTable,
    columns_of,
    encode_table,
)
from shardmill.pipeline.builds.generation import Generation


def take_shards(
    split: str,
    records: Iterator[ShardRecord],
    count: int,
    *,
    fields: Sequence[Field],
    generation: Generation,
) -> tuple[ShardRecord, ...] | ShardTable:
    """Return the shards of a split as its record holds them.

    Records of very many shards become columns as they come, so that none of them is held.

    Args:
        split: The name of the split.
        records: The records, from the first of the split on, and perhaps those of other splits.
        count: How many of them are of the split.
        fields: The fields of the split.
        generation: The generation to write a table into.
    """
    own = islice(records, count)
    if count <= MOST_LISTED_SHARDS:
        return tuple(own)
    counts, digests = columns_of(own, fields)
    record = generation.write(f"{split}{TABLE_SUFFIX}", encode_table(counts, digests))
    return ShardTable(record, counts, digests)
