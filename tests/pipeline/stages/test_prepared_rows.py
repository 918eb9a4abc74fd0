"""Prepared rows are kept in files, and any of them come back in order."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings, strategies as st

from shardmill.format.manifest import ParquetRecord
from shardmill.kinds.find_kind import find_kind
from shardmill.kinds.row import Fitted
from shardmill.pipeline.stages.known_tokens import KnownTokens
from shardmill.pipeline.stages.prepared_rows import (
    PreparedFile,
    PreparedSplit,
    PreparedWriter,
    RowsToEncode,
    prepare_parquet,
    token_tables,
)
from shardmill.raw.image_table import image_table
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.text.vocab import Vocab

TEXT = parse_recipe(
    """
name = "toy"
kind = "text"
splits.train.csv.path = "train.csv"
text = { columns = ["x"], join = ["x"] }
""",
    where="text",
)
OWN = parse_recipe(
    """
name = "toy"
kind = "text"
splits.train.csv.path = "train.csv"
text = { columns = ["x"], join = ["x"], tokenizer_file.path = "tokenizer.json" }
""",
    where="own",
)
IMAGE = parse_recipe(
    """
name = "toy"
kind = "image"
splits.train = { images.path = "images", labelled = false }
""",
    where="image",
)
TEXTS = pa.table({"text": [f"row {n} of {n % 3}" for n in range(30)], "label": range(30)})
IMAGES = image_table(np.arange(60, dtype=np.uint8).reshape(10, 1, 2, 3))


def prepared_file(folder: Path, sizes: list[int]) -> PreparedFile:
    writer = PreparedWriter(TEXT, folder, "train", "train-00000")
    for start, stop in pairwise([0, *np.cumsum(sizes).tolist()]):
        writer.write(TEXTS.slice(start, stop - start))
    file = writer.close()
    assert file is not None
    return file


# The ids of all words, by which texts come back.
WORDS = ["<unk>", "row", "of", *(str(n) for n in range(30))]


def known_words(folder: Path) -> KnownTokens:
    vocab = Vocab(WORDS, default_index=0)
    known = KnownTokens.write(Fitted((), (), {}, vocab=vocab), folder)
    assert known is not None
    return known


def texts_of(prepared: pa.Table, ids: npt.NDArray[np.int32]) -> list[list[str]]:
    return [[WORDS[ids[code]] for code in row] for row in prepared.column("text").to_pylist()]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=3),
    bounds=st.tuples(st.integers(0, 27), st.integers(0, 27)),
)
def test_any_rows_come_back_in_order_with_the_key_of_their_batch(
    tmp_path: Path, sizes: list[int], bounds: tuple[int, int]
) -> None:
    file = prepared_file(tmp_path, sizes)
    rows = sum(sizes)
    if file.rows is None:
        assert rows == 0
        return
    start, stop = sorted(min(bound, rows) for bound in bounds)
    prepared = RowsToEncode(file.rows, file.tokens, rows)
    tables = list(prepared.tables(start, stop, known_words(tmp_path)))
    assert [row for table, ids in tables for row in texts_of(table, ids)] == [
        text.split() for text in TEXTS.column("text").to_pylist()[start:stop]
    ]
    labels = [label for table, _ in tables for label in table.column("label").to_pylist()]
    assert labels == list(range(start, stop))


def test_without_a_folder_nothing_is_drafted() -> None:
    writer = PreparedWriter(TEXT, None, "train", "train-00000")
    writer.write(TEXTS)
    assert writer.close() is None


@pytest.mark.parametrize(("recipe", "rows"), [(IMAGE, IMAGES), (OWN, TEXTS)])
def test_a_draft_that_is_the_cleaned_rows_is_no_file(
    tmp_path: Path, recipe: type[object], rows: pa.Table
) -> None:
    writer = PreparedWriter(recipe, tmp_path, "train", "train-00000")  # type: ignore[arg-type]
    writer.write(rows)
    writer.write(rows.slice(0, 0))
    writer.write(rows.slice(3))
    file = writer.close()
    assert file is not None
    assert (file.rows, file.tokens) == (None, None)
    assert list(tmp_path.iterdir()) == []


def test_the_draft_of_a_parquet_file_is_that_of_its_row_groups(tmp_path: Path) -> None:
    pq.write_table(TEXTS, tmp_path / "train-00007.parquet", row_group_size=12)
    content = (tmp_path / "train-00007.parquet").read_bytes()
    digest = xxhash.xxh3_128_hexdigest(content)
    record = ParquetRecord(
        path="train-00007.parquet", bytes=len(content), xxh3_128=digest, rows=len(TEXTS)
    )
    found = prepare_parquet(TEXT, "train", tmp_path, record, tmp_path)
    expected = prepared_file(tmp_path, [12, 12, 6])
    assert found.rows == tmp_path / "train-00007.rows.arrow"
    assert expected.rows is not None and expected.tokens is not None and found.tokens is not None
    assert found.rows.read_bytes() == expected.rows.read_bytes()
    assert found.tokens.read_bytes() == expected.tokens.read_bytes()


def test_rows_of_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "train-00000.parquet"
    pq.write_table(IMAGES, path, row_group_size=4)
    prepared = RowsToEncode(path, None, 10)
    for start, stop in [(0, 10), (3, 9), (4, 8), (5, 6), (9, 10), (2, 2)]:
        tables = [table for table, key in prepared.tables(start, stop, None) if key is None]
        assert sum(map(len, tables)) == stop - start
        if tables:
            found = pa.concat_tables(tables).combine_chunks()
            assert found.equals(IMAGES.slice(start, stop - start).combine_chunks())


def test_only_train_rows_are_summarised_and_only_tokens_are_kept(tmp_path: Path) -> None:
    for recipe, rows, kept in ((IMAGE, IMAGES, (False, False)), (TEXT, TEXTS, (True, True))):
        files = []
        for split in ("train", "test"):
            writer = PreparedWriter(recipe, tmp_path, split, f"{recipe.kind}-{split}")
            writer.write(rows)
            prepared_file = writer.close()
            assert prepared_file is not None
            files.append(prepared_file)
        assert tuple(file.tokens is not None for file in files) == kept
        assert [file.summary is None for file in files] == [recipe.kind == "text", True]


def test_the_summary_of_a_split_is_that_of_all_its_files() -> None:
    kind = find_kind(IMAGE)
    moments = [kind.prepare(IMAGE, IMAGES.slice(n, 1)).summary for n in range(10)] * 3
    split = PreparedSplit(IMAGE)
    for each in moments:
        split.add(PreparedFile(None, None, each))
    assert split.summary() == kind.merge(IMAGE, moments)
    assert [file.summary for file in split.files] == [None] * 30


def test_row_groups_without_tokens(tmp_path: Path) -> None:
    writer = PreparedWriter(TEXT, tmp_path, "train", "train-00000")
    for words in ("", "a b", " "):
        writer.write(pa.table({"text": [words]}))
    file = writer.close()
    assert file is not None and file.rows is not None
    split = PreparedSplit(TEXT)
    split.add(file)
    assert [len(tokens) for tokens in token_tables(split.token_files())] == [0, 2, 0]
    rows = RowsToEncode(file.rows, file.tokens, 3)
    ids = [ids for _, ids in rows.tables(0, 3, known_words(tmp_path))]
    assert [list(each) for each in ids] == [[], [0, 0], []]
