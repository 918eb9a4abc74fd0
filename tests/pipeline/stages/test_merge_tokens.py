"""Counts of tokens that tasks have merged are those that one process merges."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from shardmill.pipeline.builds.process_engine import ProcessEngine
from shardmill.pipeline.stages import merge_tokens as tree
from shardmill.pipeline.stages.merge_tokens import merge_tokens
from shardmill.pipeline.stages.prepared_rows import token_tables
from shardmill.text.merge_counts import merge_counts

Counts = dict[str, int]
files_of_tables = st.lists(
    st.lists(st.dictionaries(st.text("ab\xe9", max_size=3), st.integers(1, 2**40)), max_size=3),
    max_size=40,
)


def table(counts: Counts) -> pa.Table:
    tokens = pa.array(list(counts), pa.string())
    return pa.table({"token": tokens, "count": pa.array(list(counts.values()), pa.int64())})


def token_files(folder: Path, files: list[list[Counts]]) -> list[Path]:
    """Write each file of tokens with a batch for each table."""
    paths = [folder / f"train-{n:05d}.tokens.arrow" for n in range(len(files))]
    for path, tables in zip(paths, files, strict=True):
        with pa.ipc.new_file(str(path), table({}).schema) as file:
            for counts in tables:
                file.write_table(table(counts))
    return paths


def merged(counts: list[list[Counts]]) -> Counts:
    """Merge counts as Python does: a dict keeps the order of first appearance."""
    found: Counts = {}
    for each in [each for tables in counts for each in tables]:
        for token, count in each.items():
            found[token] = found.get(token, 0) + count
    return found


@settings(deadline=None)
@given(files_of_tables, st.integers(1, 4), st.integers(2, 4))
def test_a_tree_merges_as_one_process_does(
    files: list[list[Counts]], most_files: int, files_of_task: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr(tree, "_MOST_FILES", most_files)
        patch.setattr(tree, "_FILES_OF_TASK", files_of_task)
        paths = token_files(Path(folder), files)
        left = merge_tokens(ProcessEngine(1), paths)
        assert len(left) <= most_files
        counts = merge_counts(token_tables(left)).to_pydict()
    expected = merged(files)
    assert counts == {"token": list(expected), "count": list(expected.values())}


def test_a_few_files_are_left_as_they_are(tmp_path: Path) -> None:
    paths = token_files(tmp_path, [[{"a": 1}]] * 16)
    assert merge_tokens(ProcessEngine(2), paths) == paths
    assert sorted(tmp_path.iterdir()) == paths


def test_many_files_are_merged_beside_them_by_any_workers(tmp_path: Path) -> None:
    files = [[{f"t{n % 7}": n + 1, "a": 1}, {"b": n + 1}] for n in range(150)]
    found = []
    for processes in (1, 3):
        folder = tmp_path / str(processes)
        folder.mkdir()
        with ProcessEngine(processes) as engine:
            left = merge_tokens(engine, token_files(folder, files))
        # 150 files become 19, and these become 3
        assert [path.name for path in left] == [
            f"train-{n:05d}.tokens.merged.merged.arrow" for n in (0, 64, 128)
        ]
        assert not list(folder.glob("*.try"))
        found.append([path.read_bytes() for path in left])
    assert found[0] == found[1]
    expected = merged(files)
    counts = merge_counts(token_tables(left)).to_pydict()
    assert counts == {"token": list(expected), "count": list(expected.values())}
