"""Where predictions are written."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from predictions import RAW, done, rows_of, run
from torch import Tensor

import shardmill
from shardmill import Preprocessor
from shardmill.cli.output import open_binary
from shardmill.errors import (
    OutputError,
)
from shardmill.serve.raw_batches import batches_of_texts
from shardmill.training.saved.answer_columns import ClassColumns
from shardmill.training.saved.load_model import Model, load_model
from shardmill.training.saved.write_predictions import Predicted, open_output, write_predictions


@pytest.fixture
def raw(sample_raw: Path) -> dict[str, Path]:
    return {name: next(sample_raw.glob(f"{path.split('.')[0]}*")) for name, path in RAW.items()}


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
    batches = batches_of_texts(preprocessor, lines, 2)  # type: ignore[arg-type]
    next(batches)
    assert next(lines) == b"three\n"


def test_names_of_classes_that_need_quotes() -> None:
    out = io.BytesIO()
    classes = ['a,"b"', "row"]
    table = torch.tensor([[0.25, 0.75], [0.5, 0.5]])
    predicted = [Predicted(table, np.arange(2), pa.table({}))]
    columns = ClassColumns(classes, all_classes=True)
    assert write_predictions(predicted, columns, out, form="csv") == 2
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
