"""The shell completes recipes, artifacts, models and settings, without slow imports."""

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from loaded_modules import loaded_after

from shardmill.cli import main


def completions(*words: str) -> list[str]:
    """What the shell offers for the last of some words."""
    *before, incomplete = words
    shell = ShellComplete(main, {}, "shardmill", "_SHARDMILL_COMPLETE")
    return [item.value for item in shell.get_completions(before, incomplete)]


@pytest.fixture
def folder(tmp_path: Path, sample_artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with artifacts, a saved model and a recipe."""
    (tmp_path / "artifacts").symlink_to(sample_artifacts)
    (tmp_path / "runs" / "mnist" / "model").mkdir(parents=True)
    (tmp_path / "runs" / "mnist" / "model" / "model.json").write_text("{}")
    (tmp_path / "mine.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["prep"], ["preprocess"]),
        (["preprocess", "m"], ["mnist", "mine.toml"]),
        (["recipe", "ti"], ["titanic"]),
        (["train", "ag"], ["ag_news"]),
        (["inspect", "artifacts/m"], ["artifacts/mnist"]),
        (["inspect", "m"], ["mnist"]),
        (["evaluate", "mnist", "ti"], ["titanic"]),
        (["verify", "--artifacts", "none", "t"], ["t"]),
        (["export", "m"], ["mnist"]),
        (["train", "mnist", "--from", "m"], ["mnist"]),
        (["verify", "artifacts/t"], ["artifacts/titanic"]),
        (["predict", "runs/"], ["runs/mnist/model"]),
        (["train", "mnist", "--from", "runs/m"], ["runs/mnist/model"]),
        (["train", "--set", "early_stopping.pa"], ["early_stopping.patience="]),
        (["train", "--set", "model.h"], ["model.heads="]),
        (["train", "--log", "tensorboard,w"], ["tensorboard,wandb"]),
    ],
)
def test_what_is_completed(words: list[str], expected: list[str]) -> None:
    assert completions(*words) == expected


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("words", [["preprocess", ""], ["train", "--set", ""], ["inspect", ""]])
def test_completion_imports_no_large_library(words: list[str]) -> None:
    *before, incomplete = words
    loaded = loaded_after(
        "from click.shell_completion import ShellComplete\n"
        "from shardmill.cli import main\n"
        "shell = ShellComplete(main, {}, 'shardmill', '_SHARDMILL_COMPLETE')\n"
        f"assert shell.get_completions({before!r}, {incomplete!r})"
    )
    assert not loaded & {"torch", "numpy", "pandas", "pyarrow", "lightning"}
