"""Recipes that are made for files, and that build as they are."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from building import build
from table_files import FORMATS, write_table

import shardmill
from shardmill.errors import (
    BinaryFileError,
    EmptyFileError,
    UnclearFilesError,
    UnreadableFileError,
)
from shardmill.pipeline.infer.infer_recipe import infer_recipe
from shardmill.pipeline.infer.inferred import Inferred
from shardmill.recipe.load_recipe import parse_recipe

ROWS = 60


def infer(tmp_path: Path, header: str, rows: list[str], target: str | None = None) -> Inferred:
    (tmp_path / "t.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return infer_recipe([tmp_path / "t.csv"], target=target)


def columns(inferred: Inferred) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(inferred.text)["columns"]
    return found


@pytest.mark.parametrize("file", FORMATS)
def test_the_same_table_in_any_format_builds_as_it_is(file: str, tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": pa.array(range(1, ROWS + 1)),
            "size": pa.array([None if i == 7 else i / 7 for i in range(ROWS)], pa.float64()),
            "leaf": pa.array([["round", "long", "odd"][i % 3] for i in range(ROWS)]),
            "same": pa.array([1] * ROWS),
            "label": pa.array([["oak", "elm"][i % 2] for i in range(ROWS)]),
        }
    )
    write_table(table, tmp_path / file)
    inferred = infer_recipe([tmp_path / file], name="trees")
    assert columns(inferred) == {
        "id": {"dtype": "int64", "drop": True},
        "size": {"dtype": "float64", "missing": "median"},
        "leaf": {"dtype": "str", "categories": "learn", "encode": "one_hot"},
        "same": {"dtype": "int64", "drop": True},
        "label": {"dtype": "str"},
    }
    recipe = parse_recipe(inferred.text, where="t")
    artifact = build(recipe, inferred.raw, tmp_path / "out")
    splits = {s: len(shardmill.open(artifact, split=s)) for s in ("train", "validation", "test")}
    assert splits == {"train": 48, "validation": 6, "test": 6}
    assert shardmill.open(artifact).classes == ("elm", "oak")


@pytest.mark.parametrize(
    ("cells", "keys"),
    [
        (["1", "2", "7"], {"dtype": "int64"}),
        (["1.5", "2", "-7e3"], {"dtype": "float64"}),
        (["1", "NA", "7"], {"dtype": "int64", "missing": "median", "missing_values": ["NA"]}),
        (["007", "010", "011"], {"dtype": "str", "categories": "learn", "encode": "one_hot"}),
        (["12.5%", "7%", "8 %"], {"dtype": "float64", "suffix": "%"}),
        (["$3.00", "$4.50", "$1"], {"dtype": "float64", "prefix": "$"}),
        (['"1,234"', '"12,345,678"', "5"], {"dtype": "int64", "thousands": ","}),
        (['"10,20"', '"4,5"', "7"], {"dtype": "float64", "decimal": ","}),
        (["yes", "no", "Yes"], {"dtype": "bool"}),
        (["US", "NA", "DE"], {"dtype": "str", "categories": "learn", "encode": "one_hot"}),
        (
            ["2024-05-03", "2024-05-04", "2024-05-04"],
            {"dtype": "date", "parts": ["year", "month", "day", "weekday"]},
        ),
        (
            ["13/05/2024", "01/06/2024", "02/06/2024"],
            {
                "dtype": "date",
                "format": "%d/%m/%Y",
                "parts": ["year", "month", "day", "weekday"],
            },
        ),
    ],
)
def test_what_a_column_is(cells: list[str], keys: dict[str, Any], tmp_path: Path) -> None:
    rows = [f"{cells[i % 3]},{i % 2}" for i in range(ROWS)]
    inferred = infer(tmp_path, "a,y", rows)
    assert columns(inferred)["a"] == keys
    build(parse_recipe(inferred.text, where="t"), tmp_path, tmp_path / "out")


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["01/05/2024", "02/06/2024"], "columns.a: no cell says which number is the day"),
        (["1609459200", "1609459260"], "columns.a: if these are seconds since 1970"),
        (["1,234", "5,678"], 'columns.a: .*if it is a decimal mark, say decimal = ","'),
    ],
)
def test_what_is_not_sure_is_said(cells: list[str], reason: str, tmp_path: Path) -> None:
    inferred = infer(tmp_path, "a;y", [f"{cells[i % 2]};{i % 2}" for i in range(ROWS)])
    doubts = "\n".join(f"{where}: {text}" for where, text in inferred.doubts)
    assert re.search(reason, doubts)
    assert doubts.partition(": ")[2].splitlines()[0] in inferred.text


def test_a_few_odd_cells_among_numbers_go_to_quarantine(tmp_path: Path) -> None:
    rows = [f"{'bad' if i == 9 else i / 3},{i % 2}" for i in range(200)]
    inferred = infer(tmp_path, "a,y", rows)
    assert columns(inferred)["a"] == {"dtype": "float64"}
    artifact = build(parse_recipe(inferred.text, where="t"), tmp_path, tmp_path / "out")
    assert (
        sum(len(shardmill.open(artifact, split=s)) for s in ("train", "validation", "test")) == 199
    )


def test_short_texts_are_texts_if_no_two_are_alike(tmp_path: Path) -> None:
    inferred = infer(tmp_path, "text,y", ["good film,1", "bad film,0", "plain,0"], "y")
    assert tomllib.loads(inferred.text)["text"]["join"] == ["text"]
    assert "few words, but no two cells are alike" in inferred.text
    inferred = infer(tmp_path, "text,y", ["good film,1", "bad film,0", "bad film,0"], "y")
    assert columns(inferred)["text"]["categories"] == "learn"
    inferred = infer(tmp_path, "text,n,y", ["good film,1,1", "bad film,2,0", "plain,3,0"], "y")
    assert columns(inferred)["text"]["categories"] == "learn"


def test_targets_are_classes_or_numbers(tmp_path: Path) -> None:
    rows = [f"{i / 3},{i % 4},{i * 1.5}" for i in range(ROWS)]
    target = tomllib.loads(infer(tmp_path, "a,b,c", rows, "b").text)["target"]
    assert target == {"column": "b", "classes": ["0", "1", "2", "3"]}
    assert tomllib.loads(infer(tmp_path, "a,b,c", rows, "c").text)["target"] == {"column": "c"}
    with pytest.raises(UnclearFilesError, match=r"with --target, most likely c \(a number\)"):
        infer(tmp_path, "a,b,c", rows)
    with pytest.raises(UnclearFilesError, match="did you mean bbb"):
        infer(tmp_path, "a,bbb,c", rows, "bb")


def test_splits_by_the_names_of_files_and_spellings_of_classes(tmp_path: Path) -> None:
    (tmp_path / "adult").mkdir()
    rows = [f"{i}, {'a b'[i % 2 * 2]}, {['<=50K', '>50K'][i % 2]}\n" for i in range(ROWS)]
    (tmp_path / "adult" / "adult.data").write_text("".join(rows))
    test = "".join(row.replace("50K", "50K.") for row in rows[:9])
    (tmp_path / "adult" / "adult.test").write_text(f"|1x3 Cross validator\n{test}")
    files = sorted((tmp_path / "adult").iterdir())
    inferred = infer_recipe(files, target="column_3")
    facts = tomllib.loads(inferred.text)
    assert inferred.name == "adult"
    assert facts["target"]["spellings"] == {"<=50K": ["<=50K."], ">50K": [">50K."]}
    assert facts["splits"]["test"] == {"csv": {"path": "adult.test", "skip_rows": 1}}
    assert facts["splits"]["validation"] == {"hold_out": {"split": "train", "fraction": 0.1}}
    artifact = build(parse_recipe(inferred.text, where="t"), inferred.raw, tmp_path / "out")
    assert len(shardmill.open(artifact, split="test")) == 9


def test_a_column_of_lists_is_dropped(tmp_path: Path) -> None:
    rows = [f'{{"tags": [{i}], "a": {i / 3}, "y": {i % 2}}}\n' for i in range(ROWS)]
    (tmp_path / "t.jsonl").write_text("".join(rows))
    inferred = infer_recipe([tmp_path / "t.jsonl"])
    assert columns(inferred)["tags"] == {"dtype": "str", "drop": True}
    build(parse_recipe(inferred.text, where="t"), inferred.raw, tmp_path / "out")


def test_a_column_may_name_the_splits(tmp_path: Path) -> None:
    rows = [f"{i / 3},{i % 2},{['train', 'Test'][i % 2]}" for i in range(ROWS)]
    splits = tomllib.loads(infer(tmp_path, "a,y,split", rows).text)["splits"]
    where = {name: split["csv"]["where"] for name, split in splits.items()}
    assert where == {"train": {"split": "train"}, "test": {"split": "Test"}}


def test_texts_are_texts(tmp_path: Path) -> None:
    rows = [f'{i % 2},"the <b>film</b> number {i} is one, of many"' for i in range(ROWS)]
    inferred = infer(tmp_path, "label,review", rows)
    facts = tomllib.loads(inferred.text)
    assert facts["text"] == {
        "columns": ["label", "review"],
        "join": ["review"],
        "clean": ["html"],
    }
    artifact = build(parse_recipe(inferred.text, where="t"), inferred.raw, tmp_path / "out")
    assert shardmill.open(artifact).kind == "text"


def test_what_is_said_of_texts(tmp_path: Path) -> None:
    texts = [f"the wine number {i} is one of many" for i in range(ROWS)]
    rows = [f"{i % 2},{i % 7},{text}" for i, text in enumerate(texts)]
    inferred = infer(tmp_path, "label,price,review", rows)
    (said,) = [line for line in inferred.text.splitlines() if "texts are left out" in line]
    assert said == '# texts are left out; dtype = "text" without drop keeps their tokens'
    kept = inferred.text.replace('review = {dtype = "str", drop = true}', 'review.dtype = "text"')
    artifact = build(parse_recipe(kept, where="t"), inferred.raw, tmp_path / "out")
    assert list(shardmill.open(artifact)[:3][0]) == ["features", "review"]
    rows = [f"{i % 2},{text},{text} or so" for i, text in enumerate(texts)]
    inferred = infer(tmp_path, "label,question,answer", rows)
    said = "# question and answer are joined; [groups] instead of join keeps them apart"
    assert said in inferred.text.splitlines()


def test_what_no_recipe_is_made_for(tmp_path: Path) -> None:
    for content, error in ((b"a,y\n", EmptyFileError), (b"\n", EmptyFileError)):
        (tmp_path / "t.csv").write_bytes(content)
        with pytest.raises(error, match="at least one row"):
            infer_recipe([tmp_path / "t.csv"], target="y")
    (tmp_path / "t.csv").write_bytes(b"a\0b,y\n1,2\n")
    with pytest.raises(BinaryFileError, match="found bytes that are 0"):
        infer_recipe([tmp_path / "t.csv"], target="y")
    (tmp_path / "t.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(UnclearFilesError, match="found a zip archive or workbook; unpack it"):
        infer_recipe([tmp_path / "t.zip"])
    with pytest.raises(UnreadableFileError, match="found no such file"):
        infer_recipe([tmp_path / "none.csv"])
    with pytest.raises(UnclearFilesError, match="found 'b' more than once"):
        infer(tmp_path, "a,b,b,y", ["1,2,3,0", "2,3,4,1"])
    (tmp_path / "t.csv").write_text("a,y\n1,0\n2,1\n")
    (tmp_path / "u.jsonl").write_text('{"a": 1, "y": 0}\n')
    with pytest.raises(UnclearFilesError, match="expected files of one format"):
        infer_recipe([tmp_path / "t.csv", tmp_path / "u.jsonl"])
