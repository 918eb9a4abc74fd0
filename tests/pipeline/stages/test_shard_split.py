"""A split is cut into shards that have each row once, in order."""

from pathlib import Path

from hypothesis import given, strategies as st

from shardmill.pipeline.stages.prepared_rows import RowsToEncode
from shardmill.pipeline.stages.shard_split import even_shards


@given(st.lists(st.integers(1, 30), max_size=12), st.integers(1, 50))
def test_shards_have_each_row_once(files: list[int], rows_per_shard: int) -> None:
    prepared = [RowsToEncode(Path(str(n)), None, rows) for n, rows in enumerate(files)]
    shards = list(
        even_shards("train", prepared, rows_per_shard=rows_per_shard, labelled=True, known=None)
    )
    assert [shard.name for shard in shards] == [
        f"train-{n:05d}.safetensors" for n in range(len(shards))
    ]
    assert all(shard.rows == rows_per_shard for shard in shards[:-1])
    for shard in shards:
        assert 0 < shard.rows == sum(stop - start for _, start, stop in shard.pieces)
        assert all(start < stop for _, start, stop in shard.pieces)
    rows = [
        (file.path.name, row)
        for shard in shards
        for file, start, stop in shard.pieces
        for row in range(start, stop)
    ]
    assert rows == [(str(n), row) for n, count in enumerate(files) for row in range(count)]
