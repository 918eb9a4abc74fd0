"""What the tests of predict share."""

import csv
import io
from pathlib import Path

import torch
from click.testing import CliRunner, Result
from torch import Tensor

from shardmill.cli import main
from shardmill.serve.raw_batches import raw_batches
from shardmill.training.saved.load_model import Model

NAMES = ("titanic", "mnist", "ag_news")


RAW = {
    "titanic": "titanic/train.csv",
    "mnist": "mnist/t10k-images-idx3-ubyte.gz",
    "ag_news": "ag_news/test.csv",
}


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
