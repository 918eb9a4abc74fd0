"""Merges many files of counts of tokens into few, as a tree of tasks.

So the process that drives a build reads as much of a large split as of a small one.
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from shardmill.pipeline.builds.attempts import attempt
from shardmill.pipeline.builds.engine import Engine
from shardmill.pipeline.stages.prepared_rows import token_tables
from shardmill.text.merge_counts import merge_counts

# How many files are left. To merge so many takes about as long as a task for each.
_MOST_FILES = 16

# How many files a task merges. Each has the tokens of a part, of some row groups each.
_FILES_OF_TASK = 8


def merge_tokens(engine: Engine, files: Sequence[Path]) -> list[Path]:
    """Return at most 16 files of tokens that `merge_counts` merges to the same as all `files`.

    A task holds a million counts that are not merged yet, or twice as many as there are distinct
    tokens in its files.

    Args:
        engine: What runs the tasks.
        files: Files of tokens, in order. If there are more than 16, files with more distinct tokens
            are written beside them.
    """
    left = list(files)
    while len(left) > _MOST_FILES:
        groups = [left[n : n + _FILES_OF_TASK] for n in range(0, len(left), _FILES_OF_TASK)]
        left = list(engine.run(merge_files, ((group,) for group in groups)))
    return left


def merge_files(files: Sequence[Path]) -> Path:
    """Merge the tokens of files, and return a new file beside the first."""
    counts = merge_counts(token_tables(files))
    path = files[0].with_suffix(".merged.arrow")
    with attempt(path) as beside, pa.ipc.new_file(str(beside), counts.schema) as file:
        file.write_table(counts)
    pa.default_memory_pool().release_unused()
    return path
