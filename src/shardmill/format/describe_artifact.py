"""Describes what an artifact holds, for people and as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from shardmill.format.manifest import Manifest, RawRecord, SplitRecord


def describe(manifest: Manifest, raw: Sequence[RawRecord]) -> dict[str, Any]:
    """Return the facts of an artifact that users ask for, ready for JSON.

    Args:
        manifest: The manifest of the artifact.
        raw: The raw files that it was made from.
    """
    facts = manifest.model_dump(mode="json")
    wanted = ("name", "kind", "sample", "version", "writer", "classes", "features", "statistics")
    vocabulary = facts["vocabulary"]
    return {
        **{key: facts[key] for key in wanted},
        "vocabulary": vocabulary and {k: vocabulary[k] for k in ("tokens", "unknown", "padding")},
        "splits": {name: _describe_split(split) for name, split in manifest.splits.items()},
        "raw": [record.model_dump(mode="json") for record in raw],
        "recipe_sha256": facts["recipe_sha256"],
    }


def _describe_split(split: SplitRecord) -> dict[str, Any]:
    return {
        "rows": split.rows,
        "labelled": split.labelled,
        "dropped": split.dropped,
        "rejected": split.rejected,
        "unknown": {name: count for name, (count, _) in split.unknown().items()},
        "shards": len(split.shards),
        "rows_per_shard": split.rows_per_shard,
        "shard_bytes": sum(shard.bytes for shard in split.shards),
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


def describe_lines(facts: dict[str, Any]) -> Iterator[str]:
    """Yield the same facts as lines of text."""
    mark = "  SAMPLE DATA, generated" if facts["sample"] else ""
    yield f"{facts['name']}  {facts['kind']}, format {facts['version']}, {facts['writer']}{mark}"
    yield "splits"
    for name, split in facts["splits"].items():
        sizes = f"{split['shard_bytes']:,} bytes in {split['shards']} shards"
        dropped = "".join(f", {n:,} dropped: {why}" for why, n in split["dropped"].items())
        unlabelled = "" if split["labelled"] else ", no target"
        if split["rejected"]:
            dropped += f", {split['rejected']:,} rejected"
        dropped += "".join(f", {n:,} unknown: {of}" for of, n in split["unknown"].items() if n)
        yield f"  {name:<12} {split['rows']:>12,} rows, {sizes}{unlabelled}{dropped}"
    yield "fields"
    for name, field in facts["splits"]["train"]["fields"].items():
        shape = "ragged" if field["ragged"] else str(field["shape"])
        yield f"  {name:<12} {field['dtype']} {shape}"
    if facts["classes"] is not None:
        yield f"classes        {', '.join(facts['classes'])}"
    yield f"features       {', '.join(facts['features'])}"
    if facts["vocabulary"]:
        yield f"vocabulary     {facts['vocabulary']['tokens']:,} tokens"
    # A column that became several features has statistics of its own, and so has a target that is a
    # number.
    for name in dict.fromkeys([*facts["features"], *sorted(facts["statistics"])]):
        if text := _describe_statistics(facts["statistics"].get(name, {})):
            yield f"  {name:<12} {text}"
    yield "raw files"
    for raw in facts["raw"]:
        origin = {True: "as published", False: "not the published file", None: "not published"}
        text = "sample" if raw["sample"] else origin[raw["published"]]
        yield f"  {raw['path']}  {raw['bytes']:,} bytes, {text}"


def _describe_statistics(facts: dict[str, Any]) -> str:
    parts = [f"{key} {facts[key]:.6g}" for key in ("mean", "std") if facts.get(key) is not None]
    if facts.get("missing"):
        parts.append(f"{facts['missing']:,} missing")
    if facts.get("fill") is not None:
        parts.append(f"filled with {facts['fill']}")
    if facts.get("divisor") is not None:
        parts.append(f"scaled from {facts['offset']:.6g} by {facts['divisor']:.6g}")
    if facts.get("categories") is not None:
        parts.append(f"{len(facts['categories']):,} categories")
    return ", ".join(parts)
