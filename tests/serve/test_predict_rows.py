"""Predictions for rows that are not quite those of the raw files."""

import csv
import gzip
import os
import threading
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from building import build
from predictions import NAMES, RAW, done, of_file, rows_of, run

import shardmill
from shardmill import Preprocessor
from shardmill.errors import (
    ColumnsError,
    FieldCountError,
    InputError,
    UnknownCategoryError,
    ValueFormatError,
)
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.raw.row_source import BadPlace
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.serve.raw_batches import batches_of_file, raw_batches
from shardmill.training.saved.load_model import load_model


@pytest.fixture
def raw(sample_raw: Path) -> dict[str, Path]:
    return {name: next(sample_raw.glob(f"{path.split('.')[0]}*")) for name, path in RAW.items()}


# What a file may lack, and what it may not.


def columns_of(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[:20]


def write(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.mark.parametrize("left_out", [["Survived"], ["Survived", "Name", "Ticket"]])
def test_columns_that_a_table_may_lack(
    model_folders: Path, raw: dict[str, Path], tmp_path: Path, left_out: list[str]
) -> None:
    rows = columns_of(raw["titanic"])
    kept = [i for i, name in enumerate(rows[0]) if name not in left_out][::-1]
    path = write(tmp_path / "less.csv", [[row[i] for i in kept] for row in rows])
    model = load_model(model_folders / "titanic")
    assert torch.equal(of_file(model, path, 7), of_file(model, write(tmp_path / "a", rows), 7))


def test_texts_without_their_class(
    model_folders: Path, raw: dict[str, Path], tmp_path: Path
) -> None:
    rows = columns_of(raw["ag_news"])
    model = load_model(model_folders / "ag_news")
    path = write(tmp_path / "less.csv", [row[1:] for row in rows])
    packed = tmp_path / "less.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    expected = of_file(model, write(tmp_path / "a", rows), 7)
    assert torch.equal(of_file(model, path, 7), expected)
    assert torch.equal(of_file(model, packed, 7), expected)


def test_a_column_with_a_typo(model_folders: Path, raw: dict[str, Path], tmp_path: Path) -> None:
    rows = columns_of(raw["titanic"])
    rows[0][rows[0].index("Sex")] = "Sexx"
    path = write(tmp_path / "typo.csv", rows)
    result = run("predict", model_folders / "titanic", path, "--out", tmp_path / "out.csv")
    assert result.exit_code == 4
    assert "without Sex and with 'Sexx' besides" in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["typo.csv"]


def test_a_bad_cell_is_named_by_its_line(
    model_folders: Path, raw: dict[str, Path], tmp_path: Path
) -> None:
    rows = columns_of(raw["titanic"])
    rows[15][rows[0].index("Sex")] = "mail"
    path = write(tmp_path / "bad.csv", rows)
    preprocessor = Preprocessor.load(model_folders / "titanic")
    with pytest.raises(UnknownCategoryError, match=r"bad\.csv, line 16, column Sex: .*'mail'"):
        list(raw_batches(preprocessor, path, 4))
    path.write_text("PassengerId\n")
    with pytest.raises(ColumnsError):
        list(raw_batches(preprocessor, path, 4))


TREES = """
name = "trees"
kind = "tabular"
csv = { delimiter = ";", encoding = "cp1252", on_bad_row = "quarantine", max_bad_rows = 0.5 }
[columns]
height = { dtype = "float64", missing = "drop" }
wood = { dtype = "str", categories = "learn" }
note = { dtype = "str", drop = true }
old = { dtype = "int64", missing = "drop" }
[target]
column = "old"
classes = ["no", "yes"]
first = 0
[splits.train.csv]
path = "trees.csv"
"""


@pytest.mark.parametrize(
    ("row", "error", "fault"),
    [
        ("7;Bär", FieldCountError, "line 7: expected 4 fields, found 2"),
        ("high;Bär;;1", ValueFormatError, "line 7, column height: expected a finite float64"),
        (";Bär;;1", InputError, "line 7: expected a row that the recipe keeps, found height is"),
        # Targets are not looked at.
        ("7;Bär;;", None, ""),
        ("7;Bär;;maybe", None, ""),
    ],
)
def test_every_row_has_a_prediction_or_the_file_an_error(
    tmp_path: Path, row: str, error: type[InputError] | None, fault: str
) -> None:
    rows = 'height;wood;note;old\r\n1;Bär;;0\r\n\r\n2;Öl;"a\r\nb";1\r\n'
    (tmp_path / "trees.csv").write_bytes(rows.encode("cp1252"))
    artifact = build(parse_recipe(TREES, where="test"), tmp_path, tmp_path / "out")
    preprocessor = Preprocessor.load(artifact)
    path = tmp_path / "new.csv"
    path.write_bytes(f"{rows}8;Öl;;1\r\n{row}\r\n".encode("cp1252"))
    if error is not None:
        with pytest.raises(error, match=rf"new\.csv, {fault}"):
            list(raw_batches(preprocessor, path, 3))
        return
    batches: list[Any] = list(raw_batches(preprocessor, path, 3))
    stored = shardmill.open(artifact)[:2][0]
    assert [len(x) for x in batches] == [3, 1]
    assert torch.equal(batches[0][:2], stored)
    assert batches[1].tolist() == [[7.0, *stored[0, 1:].tolist()]]


def test_images_of_another_shape(model_folders: Path, tmp_path: Path) -> None:
    preprocessor = Preprocessor.load(model_folders / "mnist")
    for rows in (np.zeros((3, 9, 9), np.uint8), np.zeros((3, 28, 28), np.float32)):
        (tmp_path / "images").write_bytes(encode_idx(rows))
        with pytest.raises(InputError, match=r"expected rows of uint8 \[28, 28\], found rows of"):
            list(raw_batches(preprocessor, tmp_path / "images", 4))


def test_a_file_that_is_not_there(model_folders: Path, tmp_path: Path) -> None:
    result = run("predict", model_folders / "titanic", tmp_path / "none.csv")
    assert (result.exit_code, result.stdout) == (4, "")
    result = run("predict", tmp_path, tmp_path / "none.csv")
    assert result.exit_code == 5
    assert "expected  a folder with a model.json" in result.stderr
    for path in (tmp_path / "no/such.csv", tmp_path):
        result = run("predict", model_folders / "ag_news", "-", "--out", path, given="a")
        assert result.exit_code == (2 if path == tmp_path else 7), result.output


def test_inputs_that_are_no_raw_files(
    model_folders: Path, raw: dict[str, Path], tmp_path: Path
) -> None:
    def fault(name: str, path: Path) -> str:
        result = run("predict", model_folders / name, path)
        assert (result.exit_code, result.stdout) == (4, "")
        return " ".join(result.stderr.split())

    for path in (tmp_path / "none.csv", raw["titanic"] / "none.csv"):
        assert fault("titanic", path).endswith("directory to do check the path")
    for name in NAMES:
        folder = (
            "a folder of images found none in it" if name == "mnist" else "a file found a folder"
        )
        assert f"expected {folder}" in fault(name, tmp_path)
        assert "expected a file found a device" in fault(name, Path(os.devnull))
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    with ZipFile(tmp_path / "a.xlsx", "w") as file:
        file.writestr("a", "b")
    (tmp_path / "images").write_bytes(encode_idx(np.zeros((3, 28, 28), np.uint8)))
    others = {"a.xlsx": "a zip archive", "images": "an IDX file"}
    for file_name, found in others.items():
        for name in ("titanic", "ag_news"):
            said = fault(name, tmp_path / file_name)
            assert f"expected a text file found {found}" in said
    assert "found 1 columns without Pclass" in fault("titanic", tmp_path / "a.parquet")
    assert "expected a text file found an IDX file" in fault("ag_news", raw["mnist"])
    said = fault("mnist", raw["titanic"])
    assert "expected an IDX file" in said and "recipe" not in said


def test_errors_name_no_recipe(model_folders: Path, raw: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    rows = columns_of(raw["titanic"])
    header, row = (",".join(f'"{cell}"' for cell in row).encode() for row in rows[:2])
    fix = "to do     correct the file: what the model takes is fixed\n"
    for content, expected in (
        (header.replace(b"Sex", b"Sexx"), fix),
        (header + b"\n" + row.replace(b"male", b"m\xe4le"), "convert the file to utf-8\n"),
    ):
        path.write_bytes(content + b"\n")
        result = run("predict", model_folders / "titanic", path)
        assert result.exit_code == 4
        assert expected in result.stderr
        assert "in the recipe" not in result.stderr and "of the recipe" not in result.stderr


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_quarantine(tmp_path: Path, batch_size: int) -> None:
    rows = "height;wood;note;old\r\n1;Bär;;0\r\n2;Öl;;1\r\n"
    (tmp_path / "trees.csv").write_bytes(rows.encode("cp1252"))
    artifact = build(parse_recipe(TREES, where="test"), tmp_path, tmp_path / "out")
    preprocessor = Preprocessor.load(artifact)
    path = tmp_path / "new.csv"
    lines = ["3;Bär;a;", "7;Bär", "high;Öl;;", ";Öl;;1", "4;Öl;b;", '5;"x;c;', "6;Bär;d;no"]
    path.write_bytes(("height;wood;note;old\r\n" + "\r\n".join(lines)).encode("cp1252"))
    bad: list[BadPlace] = []
    batches: list[Any] = list(
        batches_of_file(preprocessor, path, batch_size, keep=("note",), on_bad=bad.append)
    )
    assert torch.cat([batch.x for batch in batches])[:, 0].tolist() == [3, 4, 6]
    assert np.concatenate([batch.rows for batch in batches]).tolist() == [0, 4, 6]
    assert [cell for b in batches for cell in b.kept["note"].to_pylist()] == ["a", "b", "d"]
    found = sorted((row.place.number, row.reason) for row in bad)
    assert found == [
        (3, "field count"),
        (4, "height: expected a finite float64, found 'high'"),
        (5, "expected a row that the recipe keeps, found height is missing"),
        (7, "quotes"),
    ]


def test_other_columns_and_a_pipe(
    model_folders: Path, raw: dict[str, Path], tmp_path: Path
) -> None:
    given = columns_of(raw["titanic"])
    rows = [[*row, f"more {n}"] for n, row in enumerate(given)]
    path = write(tmp_path / "more.csv", rows)
    same = write(tmp_path / "same.csv", given)
    name = rows[0][-1]
    folder = model_folders / "titanic"
    plain = done("predict", folder, same).stdout
    assert done("predict", folder, path).stdout == plain
    assert done("predict", folder, "-", given=path.read_bytes()).stdout == plain
    kept = rows_of(done("predict", folder, path, "--keep", name, "--keep", "Name").stdout)
    assert [row.pop(name) for row in kept] == [row[-1] for row in rows[1:]]
    place = rows[0].index("Name")
    assert [row.pop("Name") for row in kept] == [row[place] for row in rows[1:]]
    assert kept == rows_of(plain)
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=[path.read_bytes()])
    writer.start()
    assert done("predict", folder, tmp_path / "pipe").stdout == plain
    writer.join()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--keep", "nothing"], "without nothing"),
        (["--keep", "class"], "--keep: a column 'class' is written already"),
        (["--keep", "Name", "--keep", "Name"], "--keep: a column 'Name' is written already"),
    ],
)
def test_columns_that_cannot_go_along(
    model_folders: Path, raw: dict[str, Path], options: list[str], message: str
) -> None:
    result = run("predict", model_folders / "titanic", raw["titanic"], *options)
    assert result.exit_code in (2, 4)
    assert message in result.stderr
