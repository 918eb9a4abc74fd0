"""Puts the records of very many shards into tables beside the shards."""

from collections.abc import Mapping

from shardmill.format.manifest import SplitRecord
from shardmill.format.shard_table import (
    MOST_LISTED_SHARDS,
    TABLE_SUFFIX,
    encode_table,
    table_of,
)
from shardmill.pipeline.builds.generation import Generation


def in_tables(splits: Mapping[str, SplitRecord], generation: Generation) -> dict[str, SplitRecord]:
    """Return splits by name, of which those with very many shards have a table in a generation."""
    return {name: _in_table(name, split, generation) for name, split in splits.items()}


def _in_table(name: str, split: SplitRecord, generation: Generation) -> SplitRecord:
    if len(split.shards) <= MOST_LISTED_SHARDS:
        return split
    record = generation.write(f"{name}{TABLE_SUFFIX}", encode_table(split.shards, split.fields))
    table = table_of(record, split.shards, split.fields)
    return split.model_copy(update={"shards": table})
