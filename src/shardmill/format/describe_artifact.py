"""Describes what an artifact holds, ready for JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shardmill.format.manifest import Manifest, RawRecord, SplitRecord
from shardmill.format.read_checked import read_raw_records


def describe_artifact(folder: Path) -> dict[str, Any]:
    """Return the facts of an artifact that users ask for, with some of its rows.

    A bounded number of rows is read, however large the artifact is.

    Raises:
        MissingArtifactError: There is no artifact.
        ArtifactError: Its manifest or its list of raw files cannot be read.
    """
    from shardmill.format.describe_rows import describe_split_rows

    manifest = Manifest.load(folder)
    facts = describe(manifest, read_raw_records(folder, manifest))
    for name, split in facts["splits"].items():
        split |= describe_split_rows(folder, manifest, name)
    return {"path": str(folder), **facts}


def describe(manifest: Manifest, raw: Sequence[RawRecord]) -> dict[str, Any]:
    """Return what the manifest of an artifact says that users ask for.

    Args:
        manifest: The manifest of the artifact.
        raw: The raw files that it was made from.
    """
    facts = manifest.model_dump(mode="json")
    wanted = ("name", "kind", "sample", "version", "writer", "classes", "features", "statistics")
    vocabulary = facts["vocabulary"]
    return {
        **{key: facts[key] for key in wanted},
        "description": str(manifest.recipe.get("description", "")),
        "categories": _categories(manifest),
        "vocabulary": vocabulary and {k: vocabulary[k] for k in ("tokens", "unknown", "padding")},
        "splits": {name: _describe_split(split) for name, split in manifest.splits.items()},
        "raw": [record.model_dump(mode="json") for record in raw],
        "recipe_sha256": facts["recipe_sha256"],
    }


def _categories(manifest: Manifest) -> dict[str, list[str]]:
    """Return the categories of each column in the order of their numbers, if it has some."""
    from shardmill.format.describe_rows import recipe_of

    recipe, found = recipe_of(manifest), {}
    columns = getattr(recipe, "columns", {})
    for name, column in columns.items():
        if column.map is not None:
            found[name] = sorted(column.map, key=column.map.__getitem__)
    for name, facts in manifest.statistics.items():
        if facts.categories is not None:
            found[name] = list(facts.categories)
    return found


def _describe_split(split: SplitRecord) -> dict[str, Any]:
    from shardmill.format.shard_table import counts_of

    return {
        "rows": split.rows,
        "labelled": split.labelled,
        "dropped": split.dropped,
        "rejected": split.rejected,
        "unknown": {name: count for name, (count, _) in split.unknown().items()},
        "of_values": {name: values for name, (_, values) in split.unknown().items()},
        "shards": len(split.shards),
        "rows_per_shard": split.rows_per_shard,
        "shard_bytes": sum(counts_of(split.shards, split.fields).bytes.tolist()),
        "parquet_bytes": sum(parquet.bytes for parquet in split.parquet),
        "fields": {
            field.name: {
                "dtype": field.dtype,
                "shape": list(field.shape),
                "ragged": field.ragged,
                "role": field.role,
            }
            for field in split.fields
        },
    }
