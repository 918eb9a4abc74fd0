"""What the tests of manifest share."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shardmill.format.layout import Field
from shardmill.format.manifest import (
    FileRecord,
    Manifest,
    ParquetRecord,
    ShardRecord,
    SplitRecord,
    Statistics,
    VocabularyRecord,
)

XXH3 = "0123456789abcdef" * 2


SHA256 = "0123456789abcdef" * 4


def make_manifest() -> Manifest:
    train = SplitRecord(
        rows=9_000,
        labelled=True,
        parquet=(ParquetRecord(path="g1/train.parquet", bytes=70, xxh3_128=XXH3, rows=9_000),),
        dropped={"Age is missing": 2},
        rejected=1,
        left_out=(
            ParquetRecord(path="g1/train.rejected-00000.parquet", bytes=7, xxh3_128=XXH3, rows=2),
            ParquetRecord(path="g1/train.rejected-00002.parquet", bytes=6, xxh3_128=XXH3, rows=1),
        ),
        rows_per_shard=4_096,
        fields=(Field.input("int32", ragged=True), Field.target("class", "int64")),
        shards=tuple(
            ShardRecord(
                path=f"g1/train-{i:05}.safetensors",
                bytes=100 + i,
                xxh3_128=XXH3,
                rows=rows,
                values={"x": 10 * rows},
                longest={"x": 12},
            )
            for i, rows in enumerate([4_096, 4_096, 808])
        ),
    )
    return Manifest(
        writer="shardmill 0.1.0",
        name="news",
        kind="text",
        sample=False,
        recipe={"name": "news", "csv": {"delimiter": "\t", "missing": ["", "n/a"]}, "über": None},
        recipe_sha256=SHA256,
        clean_key=SHA256,
        shard_key=SHA256,
        requested_rows_per_shard=None,
        raw=FileRecord(path="g1/raw.json", bytes=500, xxh3_128=XXH3),
        classes=("World", "Sci/Tech"),
        features=("text",),
        statistics={"a": Statistics(mean=0.1, std=1e-300, fill="S", missing=3), "b": Statistics()},
        vocabulary=VocabularyRecord(
            tokens=5,
            unknown="<unk>",
            padding="<pad>",
            padding_id=1,
            vocab=FileRecord(path="g1/vocab.txt", bytes=30, xxh3_128=XXH3),
            tokenizer=FileRecord(path="g1/tokenizer.json", bytes=300, xxh3_128=XXH3),
        ),
        splits={"train": train},
    )


def load_changed(folder: Path, change: Callable[[Any], object]) -> Manifest:
    """Load the manifest after `change` was applied to its JSON."""
    content = json.loads(make_manifest().to_json())
    change(content)
    (folder / "manifest.json").write_text(json.dumps(content))
    return Manifest.load(folder)


def train_of(manifest: Any) -> Any:
    return manifest["splits"]["train"]
