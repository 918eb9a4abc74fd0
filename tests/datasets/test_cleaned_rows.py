"""Texts without gaps, cleaned rows as a DataFrame, and datasets in notebooks."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import text_artifacts as texts
from building import build
from pairs_of_texts import build_two_texts

import shardmill
from shardmill.errors import DamagedFileError
from shardmill.recipe.load_recipe import parse_recipe

TABLE = """
name = "table"
kind = "tabular"
csv = { on_bad_row = "quarantine" }
target = { column = "y", classes = ["a", "b"] }
splits.train.csv.path = "t.csv"
splits.bare = { csv.path = "bare.csv", labelled = false }

[columns]
n = { dtype = "int64", missing = "median" }
ok = { dtype = "bool", missing = "mode" }
half = { dtype = "float64", missing = "mean" }
day = { dtype = "date", parts = ["day"] }
y = { dtype = "str" }
"""
LARGE = 2**53 + 1  # no float has this value


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [f"{LARGE},true,0.5,2024-05-01,a", ",,,2024-05-02,b", "3,false,2,2024-05-03,b"]
    (tmp_path / "t.csv").write_text("n,ok,half,day,y\n" + "\n".join(rows) + "\n")
    (tmp_path / "bare.csv").write_text("n,ok,half,day\n7,true,1,2024-05-04\n")
    return build(parse_recipe(TABLE, where="t"), tmp_path, tmp_path / "out")


@pytest.mark.parametrize("shards", ["one", "many"])
@pytest.mark.parametrize("split", ["train", "edges"])
def test_texts_without_gaps(
    text_folder: Path, text_words: texts.Words, shards: str, split: str
) -> None:
    ds: Any = shardmill.open(next((text_folder / shards).iterdir()), split=split)
    ids, ends = ds.csr()
    assert ends.tolist() == np.cumsum([0, *map(len, text_words[split])]).tolist()
    assert len(ids) == ends[-1]
    words = ds.vocab.lookup_tokens(ids.tolist())
    unknown = ds.vocab.lookup_token(ds.vocab.get_default_index())
    assert words == [
        word if word in ds.vocab else unknown for row in text_words[split] for word in row
    ]


def test_what_has_no_texts_or_several(table: Path, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="has no texts"):
        shardmill.open(table).csr()
    pairs = shardmill.open(build_two_texts(tmp_path))
    assert [pairs.csr(group)[1].tolist() for group in ("one", "two")] == [[0, 2, 3], [0, 1, 4]]
    for group in (None, "three"):
        with pytest.raises(ValueError, match=f"group is one of one, two, not {group!r}"):
            pairs.csr(group)


def test_cleaned_rows_as_a_frame(table: Path) -> None:
    ds = shardmill.open(table)
    frame = ds.to_pandas()
    assert list(frame.columns) == ["n", "ok", "half", "day", "y"]
    assert frame["n"].dtype == pd.Int64Dtype()
    assert frame["n"].fillna(-1).tolist() == [LARGE, -1, 3]
    assert frame["ok"].dtype == pd.BooleanDtype()
    assert frame["half"].isna().tolist() == [False, True, False]
    assert frame["y"].map(ds.decoder).tolist() == ["a", "b", "b"]
    bare = shardmill.open(table, split="bare").to_pandas()
    assert bare["n"].dtype == np.int64  # nothing is missing
    assert sum(pq.read_metadata(path).num_rows for path in ds.parquet) == len(ds) == 3


def test_a_split_without_rows_has_an_empty_frame(table: Path) -> None:
    none = "splits.none.hold_out = { split = 'train', fraction = 0.1, last = true }\n\n[columns]"
    recipe = parse_recipe(TABLE.replace("[columns]", none), where="t")
    ds = shardmill.open(build(recipe, table.parent.parent, table.parent), split="none")
    assert len(ds) == 0
    assert ds.to_pandas().empty


def test_a_cleaned_file_that_is_gone(table: Path) -> None:
    ds = shardmill.open(table)
    ds.parquet[0].unlink()
    with pytest.raises(DamagedFileError, match="parquet"):
        ds.to_pandas()


def test_a_dataset_in_a_notebook(table: Path) -> None:
    shown = shardmill.open(table)._repr_html_()
    assert "<td>x</td><td>input</td><td>float32</td><td>[4]</td>" in shown
    assert "<p>2 classes: a, b</p>" in shown
    manifest = table / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"a"', '"<i>"'))
    assert "<p>2 classes: &lt;i&gt;, b</p>" in shardmill.open(table)._repr_html_()
