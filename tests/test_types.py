"""What type checkers say to a consumer's script: they know rows, batches and misspelt options."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Checker = Callable[..., subprocess.CompletedProcess[str]]

CONSUMER = """
from typing import assert_type

from torch import Tensor

import shardmill
from shardmill import Bag, Padded, TabularDataset, TextDataset

Row = tuple[Tensor, Tensor]

images = shardmill.ImageDataset("artifacts/mnist")
assert_type(images[0], Row)
assert_type(images[:64], Row)
for batch in images.loader(batch_size=64, shuffle=True, seed=0):
    assert_type(batch, Row)

table = TabularDataset("artifacts/titanic", drop_features=["Fare"])
assert_type(table[[1, 2]], Row)
groups = TabularDataset[tuple[dict[str, Tensor], dict[str, Tensor]]]("artifacts/bikes")
x, y = groups[:64]
assert_type(x["numbers"], Tensor)
assert_type(y["minutes"], Tensor)
bare = TabularDataset[Tensor]("artifacts/titanic", "test")
assert_type(bare[0], Tensor)

padded = TextDataset("artifacts/ag_news")
assert_type(padded[0], Row)
assert_type(padded[:64], tuple[Padded, Tensor])
bags = shardmill.AGNewsDataset(layout="bag", max_tokens=64)
assert_type(bags[:64], tuple[Bag, Tensor])
for ids, labels in bags.loader(batch_size=64, bucket=True):
    assert_type(ids.offsets, Tensor)
jagged = shardmill.open("artifacts/ag_news", layout="jagged")
assert_type(jagged[:64], Row)
both = shardmill.concat([padded, TextDataset("artifacts/ag_news", "validation")])
assert_type(both[:64], tuple[Padded, Tensor])
mixed = shardmill.mix({images: 0.5, shardmill.MNISTDataset(): 0.5}, seed=1)
assert_type(next(iter(mixed.loader(64))), Row)

named = shardmill.open("artifacts/mnist", names={"x": "pixel_values", "y": "labels"})
assert_type(named[0], dict[str, Tensor])
texts = TextDataset("artifacts/ag_news", names={"x": "input_ids"}, max_tokens=64)
assert_type(texts[:64], dict[str, Tensor])

model = shardmill.load_model("runs/titanic/model")
print(shardmill.open("artifacts/mnist", split="test", per_row=True)[0], model)
"""
WRONG = """import shardmill

shardmill.open("a", spilt="train")
shardmill.TextDataset("a", layout="bags")
shardmill.MNISTDataset(transfrom=None)
shardmill.ImageDataset("a").loader(64, shufle=True)
shardmill.ImageDataset("a")[:64][0].ids
shardmill.open("a", names=["x"])
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("consumer")
    (folder / "consumer.py").write_text(CONSUMER)
    (folder / "wrong.py").write_text(WRONG)
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    return folder


def mypy(project: Path, script: str) -> subprocess.CompletedProcess[str]:
    return run("mypy", project, "--strict", "--cache-dir", str(project / "cache"), script)


def pyright(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run basedpyright: pyright, with its Node in the wheel."""
    return run("basedpyright", project, *arguments)


def run(module: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # pyright asks the first python in the path where packages are.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_a_consumer_is_told_the_types(checker: Checker, project: Path) -> None:
    found = checker(project, "consumer.py")
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_a_consumer_is_told_of_mistakes(checker: Checker, project: Path) -> None:
    found = checker(project, "wrong.py")
    assert found.returncode == 1, found.stdout + found.stderr
    for number, line in list(enumerate(WRONG.splitlines(), start=1))[2:]:
        assert re.search(rf"wrong.py:{number}:.* error", found.stdout), (line, found.stdout)


def test_every_public_symbol_has_a_type(project: Path) -> None:
    found = pyright(project, "--verifytypes", "shardmill", "--ignoreexternal")
    assert "Type completeness score: 100%" in found.stdout, found.stdout[-5000:]
