"""Artifacts that are large, or have many shards, without the time and the disk of building them."""

from collections.abc import Sequence
from pathlib import Path

from shardmill.format.file_record import FileRecord, ShardRecord
from shardmill.format.layout import Field, aligned_rows, shard_header, shard_layout
from shardmill.format.manifest import Manifest, SplitRecord
from shardmill.format.near_artifacts import MANIFEST_NAME
from shardmill.pipeline.builds.generation import Generation
from shardmill.pipeline.stages.shard_tables import take_shards

FIELDS = (Field.input("uint8", (1, 28, 28)), Field.target("class", "int64"))
# A row is 1 KiB, so that a shard of 16 rows ends at a page border.
SMALL_FIELDS = (Field.input("uint8", (1, 32, 32)),)

# So many shards are links to the same file, whose header alone takes 16 KiB of disk.
_LINKS = 1_000


def write_sparse(
    folder: Path, *, rows: int, rows_per_shard: int, fields: Sequence[Field] = FIELDS
) -> Path:
    """Write an artifact of images that are all zero, in files that take hardly any disk.

    Headers and sizes are those that a build would write; checksums are not. Very many shards have a
    table, and many of them are links to one file. Each is still mapped on its own.
    """
    fields = tuple(fields)
    rows_per_shard = aligned_rows(fields, rows_per_shard)
    name = "shards-000000000000"
    generation = Generation(name, folder / name)
    generation.folder.mkdir(parents=True)

    def file_of(index: int) -> Path:
        return generation.folder / f"train-{index:05d}.safetensors"

    shards = []
    for index, first in enumerate(range(0, rows, rows_per_shard)):
        here = min(rows_per_shard, rows - first)
        extents = shard_layout(fields, here, {})
        header = shard_header(extents)
        size = len(header) + extents[-1].stop
        path = file_of(index)
        if index % _LINKS and here == rows_per_shard:
            path.hardlink_to(file_of(index - index % _LINKS))
        else:
            with path.open("xb") as file:
                file.write(header)
                file.truncate(size)
        record = f"{generation.name}/{path.name}"
        shards.append(ShardRecord(path=record, bytes=size, xxh3_128="0" * 32, rows=here))
    split = SplitRecord(
        rows=rows,
        labelled=any(field.is_target for field in fields),
        parquet=(),
        rows_per_shard=rows_per_shard,
        fields=fields,
        shards=take_shards(
            "train", iter(shards), len(shards), fields=fields, generation=generation
        ),
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
