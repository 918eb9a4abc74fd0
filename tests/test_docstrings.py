"""The examples in docstrings run, and give what they say."""

import doctest
import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from source_tree import modules

import shardmill

# The public names that are hard to use without having seen an example.
NEED_EXAMPLES: list[Callable[..., Any]] = [
    shardmill.open,
    shardmill.TabularDataset,
    shardmill.ImageDataset,
    shardmill.TextDataset,
    shardmill.ShardDataset.loader,
    shardmill.ShardDataset.numpy,
    shardmill.concat,
    shardmill.mix,
    shardmill.Preprocessor,
    shardmill.load_model,
    shardmill.Vocab,
]
WITH_EXAMPLES = sorted(name for name, file in modules().items() if ">>> " in file.read_text())


@pytest.fixture
def project(
    sample_artifacts: Path,
    model_folders: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The folder that examples run in, with `artifacts` and `runs/NAME/model`."""
    (tmp_path / "artifacts").symlink_to(sample_artifacts)
    for model in model_folders.iterdir():
        (tmp_path / "runs" / model.name).mkdir(parents=True)
        (tmp_path / "runs" / model.name / "model").symlink_to(model)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_give_what_they_say(name: str, project: Path) -> None:
    module = import_module(name)
    names = {"shardmill": shardmill, "np": np, "pa": pa, "torch": torch}
    names["ds"] = shardmill.open(project / "artifacts" / "titanic")
    tests = doctest.DocTestFinder().find(module, extraglobs=names)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in tests:
        runner.run(test)
    assert runner.summarize(verbose=False).attempted > 0
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.parametrize("function", NEED_EXAMPLES)
def test_public_names_have_an_example(function: Callable[..., Any]) -> None:
    assert ">>> " in (inspect.getdoc(function) or "")


def test_help_of_open_lists_its_options() -> None:
    described = inspect.getdoc(shardmill.open) or ""
    options = inspect.signature(shardmill.open).parameters
    assert {"transform", "drop_features", "layout", "max_tokens"} <= options.keys()
    assert all(f"    {name}: " in described for name in options)
