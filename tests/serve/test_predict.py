"""Predictions for raw files are those for shards, and come out whole or not at all."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from predictions import NAMES, RAW, done, of_file, rows_of, run
from saved_models import open_split
from torch import Tensor

from shardmill import Preprocessor
from shardmill.raw.work_sizes import WorkSizes
from shardmill.serve.raw_batches import raw_batches
from shardmill.training.saved.load_model import load_model


@pytest.fixture
def raw(sample_raw: Path) -> dict[str, Path]:
    return {name: next(sample_raw.glob(f"{path.split('.')[0]}*")) for name, path in RAW.items()}


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
        from shardmill.raw.read_array import read_array_rows
        from shardmill.raw.read_idx import read_idx_header

        header = read_idx_header(raw[name], read_raw(raw[name]).bytes)
        rows = read_array_rows(raw[name], header, 0, 40)
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
    assert "stdin, line 1" in result.stderr
    assert "without Pclass, Sex" in result.stderr
