"""Predictions for raw files are those for shards, and come out whole or not at all."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from building import build
from click.testing import CliRunner, Result
from saved_models import open_split
from torch import Tensor

import shardmill
from shardmill import Preprocessor
from shardmill.cli import main
from shardmill.cli.output import open_binary
from shardmill.errors import (
    ColumnsError,
    FieldCountError,
    InputError,
    OutputError,
    UnknownCategoryError,
    ValueFormatError,
)
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.raw.work_sizes import WorkSizes
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.serve.raw_batches import raw_batches, text_batches
from shardmill.training.saved.load_model import Model, load_model
from shardmill.training.saved.write_predictions import open_output, write_predictions

NAMES = ("titanic", "mnist", "ag_news")
RAW = {
    "titanic": "titanic/train.csv",
    "mnist": "mnist/t10k-images-idx3-ubyte.gz",
    "ag_news": "ag_news/test.csv",
}


@pytest.fixture
def raw(sample_raw: Path) -> dict[str, Path]:
    return {name: next(sample_raw.glob(f"{path.split('.')[0]}*")) for name, path in RAW.items()}


def run(*arguments: object, given: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=given)


def done(*arguments: object, given: str | bytes | None = None) -> Result:
    result = run(*arguments, given=given)
    assert result.exit_code == 0, result.output
    return result


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def of_file(model: Model, path: Path, rows: int) -> Tensor:
    batches = raw_batches(model.preprocessor, path, rows, layout="bag")
    return torch.cat([model.logits(x) for x in batches])


# Equal to those for shards.


@pytest.mark.parametrize("name", ["mnist", "ag_news"])
@pytest.mark.parametrize("rows", [64, 100_000])
def test_raw_files_give_what_shards_give(
    model_folders: Path, sample_artifacts: Path, raw: dict[str, Path], name: str, rows: int
) -> None:
    model = load_model(model_folders / name)
    dataset = open_split(sample_artifacts / name, "test")
    expected = torch.cat([model.logits(x) for x, _ in dataset.loader(rows)])
    assert torch.equal(of_file(model, raw[name], rows), expected)


def test_a_raw_table_gives_what_shards_give(
    model_folders: Path, sample_artifacts: Path, raw: dict[str, Path]
) -> None:
    # Rows are held out of the only file: the shards have those of both splits, in its order.
    model = load_model(model_folders / "titanic")
    splits = [open_split(sample_artifacts / "titanic", name) for name in ("train", "validation")]
    stored = torch.cat([split[: len(split)][0] for split in splits])
    x = torch.cat(list(raw_batches(model.preprocessor, raw["titanic"], 64)))  # type: ignore[arg-type]
    order = [np.lexsort(t.numpy().T) for t in (x, stored)]
    assert torch.equal(x[order[0]], stored[order[1]])
    expected = torch.cat([model.logits(part) for part in torch.split(x, 64)])
    assert torch.equal(of_file(model, raw["titanic"], 64), expected)


@pytest.mark.parametrize("name", NAMES)
def test_batches_do_not_depend_on_chunks(
    model_folders: Path, raw: dict[str, Path], name: str
) -> None:
    preprocessor = Preprocessor.load(model_folders / name)

    def batches(sizes: WorkSizes) -> Iterator[Tensor]:
        for x in raw_batches(preprocessor, raw[name], 50, layout="bag", sizes=sizes):
            yield from x if isinstance(x, tuple) else [x]  # type: ignore[misc]

    expected = list(batches(WorkSizes()))
    found = list(batches(WorkSizes(chunk_bytes=3_000)))
    assert len(found) == len(expected)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(found, expected, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_rows_of_a_program_give_the_same(
    model_folders: Path, raw: dict[str, Path], name: str
) -> None:
    model = load_model(model_folders / name)
    rows: Any
    if name == "mnist":
        from shardmill.raw.raw_files import read_raw
        from shardmill.raw.read_idx import read_idx_header, read_idx_rows

        header = read_idx_header(raw[name], read_raw(raw[name]).bytes)
        rows = read_idx_rows(raw[name], header, 0, 40)
    elif name == "titanic":
        with raw[name].open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))[:40]
    else:
        with raw[name].open(newline="", encoding="utf-8") as file:
            rows = [" ".join(row[1:]) for row in csv.reader(file)][:40]
    (x, *_) = raw_batches(model.preprocessor, raw[name], 40, layout="bag")
    assert torch.equal(model.predict(rows), model.probabilities(x))


# The command.


@pytest.mark.parametrize("name", NAMES)
def test_the_command(model_folders: Path, raw: dict[str, Path], tmp_path: Path, name: str) -> None:
    model = load_model(model_folders / name)
    expected = of_file(model, raw[name], 1024).softmax(1)
    found = rows_of(done("predict", model_folders / name, raw[name], "--all").stdout)
    assert [int(row["row"]) for row in found] == list(range(len(expected)))
    columns = [f"p_{c}" for c in model.classes]
    assert list(found[0]) == ["row", "class", "probability", *columns]
    numbers = np.array([[row[c] for c in columns] for row in found], np.float32)
    np.testing.assert_array_equal(numbers, expected.numpy())
    assert [row["class"] for row in found] == [model.classes[i] for i in expected.numpy().argmax(1)]
    for ending in ("jsonl", "parquet", "csv"):
        out = tmp_path / f"found.{ending}"
        assert done("predict", model_folders / name, raw[name], "--out", out).stdout == ""
    table = pq.read_table(tmp_path / "found.parquet")
    assert table.column_names == ["row", "class", "probability"]
    np.testing.assert_array_equal(table["probability"].to_numpy(), expected.amax(1).numpy())
    lines = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    assert [line["class"] for line in lines] == table["class"].to_pylist()
    assert np.float32(lines[3]["probability"]) == table["probability"][3].as_py()
    assert len(rows_of((tmp_path / "found.csv").read_text())) == len(expected)
    assert len(list(tmp_path.iterdir())) == 3


def test_texts_on_stdin(model_folders: Path) -> None:
    texts = ["Stocks fell on Monday.", "", "The cup final, Zoë said", "b\x0bc\u2028d"]
    given = f"{texts[0]}\r\n{texts[1]}\n{texts[2]}\n{texts[3]}".encode()
    found = rows_of(done("predict", model_folders / "ag_news", "-", given=given).stdout)
    expected = load_model(model_folders / "ag_news").predict(texts).amax(1)
    assert [np.float32(row["probability"]) for row in found] == expected.tolist()
    options = ["--format", "jsonl", "--batch-size", 2]
    lines = done(
        "predict", model_folders / "ag_news", "-", *options, given=given
    ).stdout.splitlines()
    assert [json.loads(line)["row"] for line in lines] == [0, 1, 2, 3]
    assert (
        done("predict", model_folders / "ag_news", "-", given="").stdout
        == "row,class,probability\n"
    )


def test_stdin_that_is_refused(model_folders: Path) -> None:
    result = run("predict", model_folders / "ag_news", "-", given=b"good\nbad \xff\n")
    assert result.exit_code == 4
    assert "stdin, line 2" in result.stderr and "byte 0xff at byte 5" in result.stderr
    result = run("predict", model_folders / "titanic", "-", given="a")
    assert result.exit_code == 4
    assert "expected  rows of kind tabular, in a file" in result.stderr


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
    os.mkfifo(tmp_path / "pipe")
    for name in NAMES:
        assert "expected a file found a folder" in fault(name, tmp_path)
        assert "expected a file found a pipe or device" in fault(name, tmp_path / "pipe")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    with ZipFile(tmp_path / "a.xlsx", "w") as file:
        file.writestr("a", "b")
    (tmp_path / "images").write_bytes(encode_idx(np.zeros((3, 28, 28), np.uint8)))
    others = {"a.parquet": "Parquet", "a.xlsx": "a zip archive", "images": "an IDX file"}
    for file_name, found in others.items():
        for name in ("titanic", "ag_news"):
            said = fault(name, tmp_path / file_name)
            assert f"expected a text file found {found}" in said
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


def test_links_lead_to_the_file_that_is_replaced(model_folders: Path, tmp_path: Path) -> None:
    (tmp_path / "there.csv").write_text("before")
    link, dangling = tmp_path / "link.csv", tmp_path / "dangling.csv"
    link.symlink_to("there.csv")
    dangling.symlink_to("new.csv")
    for path, target in ((link, "there.csv"), (dangling, "new.csv")):
        done("predict", model_folders / "ag_news", "-", "--out", path, given="a\n")
        assert path.is_symlink()
        assert len(rows_of((tmp_path / target).read_text())) == 1
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_pipes_are_written_to(model_folders: Path, tmp_path: Path, ending: str) -> None:
    pipe = tmp_path / f"pipe.{ending}"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        done("predict", model_folders / "ag_news", "-", "--out", pipe, given="a\nb\n")
        content = os.read(reader, 2**16)
    finally:
        os.close(reader)
    if ending == "parquet":
        assert len(pq.read_table(pa.BufferReader(content))) == 2
    else:
        assert len(rows_of(content.decode())) == 2
    assert pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]


def test_another_name_of_stdout(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")
    print("before", flush=True)
    with open_binary(tmp_path / "stdout") as file:
        file.write(b"rows\n")
    print("after", flush=True)
    assert capfd.readouterr().out == "before\nrows\nafter\n"


def test_a_pipe_that_nobody_reads_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    # The command ends without an error then, as it does for stdout.
    with pytest.raises(BrokenPipeError), open_output(tmp_path / "pipe", stream=True) as file:
        os.close(reader)
        file.write(b"a")


def test_the_input_is_not_replaced(
    model_folders: Path, raw: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(raw["titanic"].read_bytes())
    (tmp_path / "link.csv").symlink_to(path)
    for out in (path, tmp_path / "link.csv"):
        result = run("predict", model_folders / "titanic", path, "--out", out)
        assert result.exit_code == 7
        assert "expected  another file than the input" in result.stderr
    assert path.read_bytes() == raw["titanic"].read_bytes()


def test_a_file_that_cannot_be_written(model_folders: Path, tmp_path: Path) -> None:
    out = tmp_path / "none" / "new.csv"
    result = run("predict", model_folders / "ag_news", "-", "--out", out, given="a")
    assert result.exit_code == 7
    assert f"error: {out}\n" in result.stderr
    assert f"found     no folder {out.parent}\n" in result.stderr
    out = tmp_path / ("x" * 300 + ".csv")  # longer than names may be
    assert run("predict", model_folders / "ag_news", "-", "--out", out, given="a").exit_code == 7
    out = tmp_path / ("x" * 254)  # the file beside it has a longer name
    with pytest.raises(OutputError, match="found File name too long") as raised, open_output(out):
        pass
    assert raised.value.where == str(out)


@pytest.mark.parametrize("name", ["new.xyz", "a.json", "new.csv.gz"])
def test_endings_that_are_no_format(model_folders: Path, tmp_path: Path, name: str) -> None:
    arguments = ["predict", model_folders / "ag_news", "-", "--out", tmp_path / name]
    result = run(*arguments, given="a")
    assert result.exit_code == 2
    assert "one of csv, jsonl, parquet" in result.stderr
    assert list(tmp_path.iterdir()) == []
    done(*arguments, "--format", "csv", given="a")
    assert len(rows_of((tmp_path / name).read_text())) == 1


def test_endings_that_are_known_by_other_spellings(model_folders: Path, tmp_path: Path) -> None:
    for name in ("NEW.JSONL", "new"):
        done("predict", model_folders / "ag_news", "-", "--out", tmp_path / name, given="a")
    assert json.loads((tmp_path / "NEW.JSONL").read_text())["row"] == 0
    assert len(rows_of((tmp_path / "new").read_text())) == 1


def test_parquet_is_not_for_terminals(model_folders: Path) -> None:
    ours, terminal = os.openpty()
    arguments = ["predict", str(model_folders / "ag_news"), "-", "--format", "parquet"]
    try:
        result = subprocess.run(
            [sys.executable, "-m", "shardmill", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        os.close(ours)
        os.close(terminal)
    assert result.returncode == 2
    assert "name a file with --out" in result.stderr


def test_it_says_what_was_written(
    model_folders: Path, raw: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "found.csv"
    arguments = ["predict", model_folders / "ag_news", "-"]
    assert done(*arguments, "--out", out, given="a\nb\n").stderr == f"wrote 2 rows to {out}\n"
    assert done(*arguments, "--out", out, given="a\n").stderr == f"wrote 1 row to {out}\n"
    assert done(*arguments, "--out", out, "--quiet", given="a\n").stderr == ""
    assert done(*arguments, given="a\n").stderr == ""
    assert done(*arguments, given="").stderr == "wrote 0 rows to stdout\n"
    path = tmp_path / "header.csv"
    path.write_text(raw["titanic"].read_text().splitlines()[0] + "\n")
    result = done("predict", model_folders / "titanic", path)
    assert result.stdout == "row,class,probability\n"
    assert result.stderr == "wrote 0 rows to stdout\n"


def test_an_interrupt_leaves_the_file_that_was_there(
    model_folders: Path, raw: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "found.csv"
    out.write_text("before")
    calls = []

    def interrupt(*given: Any) -> Tensor:
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return torch.ones(16, 4)

    monkeypatch.setattr(Model, "probabilities", interrupt)
    options = ["--out", out, "--batch-size", 16]
    result = run("predict", model_folders / "ag_news", raw["ag_news"], *options)
    assert result.exit_code == 130
    assert out.read_text() == "before"
    assert list(tmp_path.iterdir()) == [out]


def test_stdin_is_read_as_it_comes(model_folders: Path) -> None:
    preprocessor = Preprocessor.load(model_folders / "ag_news")
    lines = iter([b"one\n", b"two\n", b"three\n"])
    batches = text_batches(preprocessor, lines, 2)  # type: ignore[arg-type]
    next(batches)
    assert next(lines) == b"three\n"


def test_names_of_classes_that_need_quotes() -> None:
    out = io.BytesIO()
    classes = ['a,"b"', "row"]
    table = torch.tensor([[0.25, 0.75], [0.5, 0.5]])
    assert write_predictions([table], classes, out, form="csv", all_classes=True) == 2
    first, second = rows_of(out.getvalue().decode())
    assert first == {
        "row": "0", "class": "row", "probability": "0.75", 'p_a,"b"': "0.25", "p_row": "0.75"
    }  # fmt: skip
    assert second["class"] == 'a,"b"'  # of equal ones the first


def test_loading_needs_no_lightning(model_folders: Path) -> None:
    from loaded_modules import loaded_after

    loaded = loaded_after(
        f"import shardmill\nmodel = shardmill.load_model({str(model_folders / 'ag_news')!r})\n"
        "model.predict(['a'])"
    )
    assert "torch" in loaded
    assert not loaded & {"lightning", "torchmetrics", "click"}
    assert shardmill.load_model is load_model
