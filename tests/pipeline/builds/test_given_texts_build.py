"""Texts can be built from rows in memory, alone, in groups and in tables."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import shardmill
from shardmill import Preprocessor

NEWS: dict[str, Any] = {
    "name": "news",
    "kind": "text",
    "text": {"columns": ["label", "title", "text"], "join": ["title", "text"]},
    "vocabulary": {"min_freq": 1},
    "target": {"column": "label", "classes": ["0", "1"]},
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def prepared(artifact: Path, rows: Any) -> Any:
    return Preprocessor.load(artifact)(rows)


def test_texts_are_joined() -> None:
    rows = [
        {"label": 0, "title": "Big", "text": "dogs bark"},
        {"label": 1, "title": "Small", "text": None},
    ]
    path = shardmill.build(rows, recipe=NEWS)
    x, y = shardmill.open(path)[:]
    assert x.lengths.tolist() == [3, 1]
    assert y.tolist() == [0, 1]
    assert prepared(path, pd.DataFrame(rows)).ids.equal(x.ids)


def test_several_texts_and_texts_in_tables() -> None:
    rows = pd.DataFrame({"label": [0, 1], "title": ["Big", None], "text": ["dogs bark", "x"]})
    several = {key: fact for key, fact in NEWS.items() if key != "text"}
    several["text"] = {"columns": ["label", "title", "text"]}
    several["groups"] = {"head": ["title"], "body": ["text"]}
    path = shardmill.build(rows, recipe=several)
    x, _ = shardmill.open(path)[:]
    assert x["head"].lengths.tolist() == [1, 0]
    assert prepared(path, rows)["body"].ids.equal(x["body"].ids)
    columns = {"label": {"dtype": "int64"}, "title": {"dtype": "str", "drop": True}}
    table = {"name": "t", "kind": "tabular", "columns": columns | {"text": {"dtype": "text"}}}
    path = shardmill.build(rows, recipe=table | {"vocabulary": {"min_freq": 1}})
    x = shardmill.open(path)[:]
    assert x["text"].lengths.tolist() == [2, 1]
    assert prepared(path, rows)["text"].ids.equal(x["text"].ids)
