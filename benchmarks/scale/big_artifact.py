"""Artifacts that are large, or have many shards, without the time and the disk of building them."""

from pathlib import Path

from shardmill.format.layout import Field, aligned_rows, shard_header, shard_layout
from shardmill.format.manifest import FileRecord, Manifest, ShardRecord, SplitRecord
from shardmill.format.near_artifacts import MANIFEST_NAME

FIELDS = (Field.input("uint8", (1, 28, 28)), Field.target("class", "int64"))


def write_sparse(folder: Path, *, rows: int, rows_per_shard: int) -> Path:
    """Write an artifact of images that are all zero, in files that take hardly any disk.

    Headers and sizes are those that a build would write; checksums are not.
    """
    rows_per_shard = aligned_rows(FIELDS, rows_per_shard)
    generation = folder / "shards-000000000000"
    generation.mkdir(parents=True)
    shards = []
    for index, first in enumerate(range(0, rows, rows_per_shard)):
        here = min(rows_per_shard, rows - first)
        extents = shard_layout(FIELDS, here, {})
        header = shard_header(extents)
        size = len(header) + extents[-1].stop
        path = generation / f"train-{index:05d}.safetensors"
        with path.open("xb") as file:
            file.write(header)
            file.truncate(size)
        name = f"{generation.name}/{path.name}"
        shards.append(ShardRecord(path=name, bytes=size, xxh3_128="0" * 32, rows=here))
    split = SplitRecord(
        rows=rows,
        labelled=True,
        parquet=(),
        rows_per_shard=rows_per_shard,
        fields=FIELDS,
        shards=tuple(shards),
    )
    (folder / MANIFEST_NAME).write_bytes(_manifest(folder.name, split).to_json())
    return folder


def _manifest(name: str, split: SplitRecord) -> Manifest:
    return Manifest(
        writer="benchmark",
        name=name,
        kind="image",
        sample=True,
        recipe={},
        recipe_sha256="0" * 64,
        clean_key="0" * 64,
        shard_key="0" * 64,
        requested_rows_per_shard=split.rows_per_shard,
        raw=FileRecord(path="shards-000000000000/raw.json", bytes=0, xxh3_128="0" * 32),
        classes=tuple("0123456789"),
        features=("pixels",),
        statistics={},
        vocabulary=None,
        splits={"train": split},
    )
