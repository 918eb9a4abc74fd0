"""What is exported gives the model's logits, for any number of rows and without shardmill."""

import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from bikes import COLUMNS, GROUPS, TARGETS, raw_rows, write_raw
from building import build
from click.testing import CliRunner, Result
from saved_models import open_split, save
from torch import Tensor, nn

from shardmill import Bag, ModelError, Preprocessor
from shardmill.cli import main
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.training.saved.export_model import TOLERANCE, export_model
from shardmill.training.saved.load_model import Model, load_model
from shardmill.training.settings.model_options import (
    ImageResnetOptions,
    ModelOptions,
    TextBagOptions,
    TextTransformerOptions,
)

NAMES = ("titanic", "mnist", "ag_news")


@pytest.fixture(scope="module")
def exported(model_folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .pt2 of each model."""
    folder = tmp_path_factory.mktemp("exported")
    for name in NAMES:
        export_model(load_model(model_folders / name), folder / f"{name}.pt2")
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rows", [1, 2, 3, 100])
def test_real_rows_get_the_logits_of_the_model(
    exported: Path, model_folders: Path, sample_artifacts: Path, name: str, rows: int
) -> None:
    module = torch.export.load(exported / f"{name}.pt2").module()
    x = open_split(sample_artifacts / name, "train")[:rows][0]
    found = module(*x) if isinstance(x, Bag) else module(x)
    expected = load_model(model_folders / name).logits(x)
    assert found.shape == expected.shape == (rows, expected.shape[1])
    torch.testing.assert_close(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mnist", ImageResnetOptions()),
        ("ag_news", TextTransformerOptions()),
        ("ag_news", TextBagOptions(ngrams=3)),
    ],
)
def test_other_architectures(
    sample_artifacts: Path, tmp_path: Path, name: str, options: ModelOptions
) -> None:
    save(sample_artifacts / name, tmp_path / "model", options)
    model = load_model(tmp_path / "model")
    exported = export_model(model, tmp_path / "model.pt2")
    assert exported.difference <= TOLERANCE * 10
    x = open_split(sample_artifacts / name, "train")[:9][0]
    found = torch.export.load(exported.path).module()(*(x if isinstance(x, Bag) else (x,)))
    torch.testing.assert_close(found, model.logits(x), rtol=TOLERANCE, atol=TOLERANCE)


def test_texts_without_tokens(exported: Path, model_folders: Path) -> None:
    module = torch.export.load(exported / "ag_news.pt2").module()
    model = load_model(model_folders / "ag_news")
    ids = torch.tensor([5, 6, 7], dtype=torch.int32)
    for tokens, offsets in ((ids[:0], [0]), (ids[:0], [0, 0]), (ids, [0, 0, 3]), (ids, [0, 3])):
        bag = Bag(tokens, torch.tensor(offsets))
        found = module(*bag)
        torch.testing.assert_close(found, model.logits(bag), rtol=TOLERANCE, atol=TOLERANCE)


def test_another_project_needs_torch_alone(exported: Path, model_folders: Path) -> None:
    program = (
        "import json, sys, torch\n"
        "extra = {'model.json': ''}\n"
        "module = torch.export.load(sys.argv[1], extra_files=extra).module()\n"
        "logits = module(torch.zeros(3, 7))\n"
        "assert not any(name.startswith('shardmill') for name in sys.modules)\n"
        "print(json.dumps([logits.tolist(), json.loads(extra['model.json'])]))\n"
    )
    command = [sys.executable, "-c", program, str(exported / "titanic.pt2")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    logits, facts = json.loads(said)
    model = load_model(model_folders / "titanic")
    torch.testing.assert_close(torch.tensor(logits), model.logits(torch.zeros(3, 7)))
    assert facts["classes"] == list(model.classes)
    assert facts["trained_on"]["sample"] is True
    assert "files" not in facts


def test_the_command(model_folders: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = tmp_path / "net.pt2"
    result = run("export", model_folders / "ag_news", "--out", out)
    assert result.exit_code == 0, result.output
    assert f"{out}\n  takes    ids int32 [n]\n  takes    offsets int64 [b]\n" in result.stdout
    assert "  returns  logits [b, 4]\n  checked  logits differ by " in result.stdout
    facts = json.loads(run("export", model_folders / "mnist", "--out", out, "--json").stdout)
    assert facts["inputs"] == {"x": "uint8 [b, 1, 28, 28]"}
    assert facts["difference"] <= TOLERANCE
    result = run("export", model_folders / "mnist", "--out", tmp_path / "none" / "net.pt2")
    assert result.exit_code == 7
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_what_stands_where_the_file_goes(model_folders: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt2")
    result = run("export", model_folders / "titanic", "--out", tmp_path / "pipe.pt2")
    assert result.exit_code == 7
    assert "expected  a regular file" in result.stderr
    assert "found     a pipe or device" in result.stderr
    assert (tmp_path / "pipe.pt2").is_fifo()
    (tmp_path / "link.pt2").symlink_to("net.pt2")
    arguments = ["export", model_folders / "titanic", "--out", tmp_path / "link.pt2"]
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    size = (tmp_path / "net.pt2").stat().st_size
    assert result.stderr == f"wrote {size:,} bytes to {tmp_path / 'link.pt2'}\n"
    assert (tmp_path / "link.pt2").is_symlink()
    assert run(*arguments, "--quiet").output == ""


def test_a_model_folder_without_a_name(
    model_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(model_folders / "titanic", tmp_path / "net")
    monkeypatch.chdir(tmp_path / "net")
    assert run("export", ".").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net", "net.pt2"]


class OfGroups(nn.Module):
    """A network that takes tables with groups, of which one holds numbers of categories."""

    def __init__(self, stations: int) -> None:
        super().__init__()
        self.places = nn.Embedding(stations, 4)
        self.head = nn.Linear(4 + 3 + 3 + 1, 2)

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        """Return logits [b, 2]."""
        places = self.places(x["places"][:, 0].long())
        numbers = [places, x["numbers"], x["times"], x["flags"][:, :1].float()]
        logits: Tensor = self.head(torch.cat(numbers, 1))
        return logits


def test_tables_with_groups(model_folders: Path, tmp_path: Path) -> None:
    write_raw(tmp_path, 60)
    split = "[splits.train]\ncsv.path = 'bikes.csv'\n"
    recipe = parse_recipe(COLUMNS + TARGETS + GROUPS + split, where="test")
    preprocessor = Preprocessor.load(build(recipe, tmp_path, tmp_path / "artifacts"))
    stations = preprocessor.fitted.statistics["station"].categories
    assert stations is not None
    module: Any = OfGroups(len(stations)).eval()
    facts = load_model(model_folders / "titanic").facts
    model = Model(tmp_path, module, preprocessor, facts)
    inputs = export_model(model, tmp_path / "net.pt2").inputs
    assert inputs["numbers"] == "float32 [b, 3]" and inputs["docks"] == "int32 [b, 1]"
    assert inputs["flags"].startswith("bool [b, ")
    x = preprocessor(raw_rows(9))
    found = torch.export.load(tmp_path / "net.pt2").module()(x)
    torch.testing.assert_close(found, module(x), rtol=TOLERANCE, atol=TOLERANCE)


class Odd(nn.Module):
    """Gives other logits from the second call on, as an export that went wrong would."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        logits: Tensor = self.module(x)
        return logits + 1e-3 * (self.calls > 1)


class OfOneSize(nn.Module):
    """Looks at how many rows there are."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.module(x)
        return logits * len(x)


@pytest.mark.parametrize(
    ("wrapper", "fault"),
    [
        (Odd, "expected an exported model that gives its logits to within 1e-05, found other"),
        (OfOneSize, "expected a model that torch.export takes for any number of rows"),
    ],
)
def test_what_does_not_agree_is_not_left_behind(
    model_folders: Path, tmp_path: Path, wrapper: Any, fault: str
) -> None:
    model = load_model(model_folders / "titanic")
    model.module = wrapper(model.module).eval()
    (tmp_path / "net.pt2").write_bytes(b"what was there")
    with pytest.raises(ModelError, match=fault):
        export_model(model, tmp_path / "net.pt2")
    assert [path.name for path in tmp_path.iterdir()] == ["net.pt2"]
    assert (tmp_path / "net.pt2").read_bytes() == b"what was there"
