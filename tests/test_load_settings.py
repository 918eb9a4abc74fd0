"""Settings from files and words: what is taken, and every fault at once."""

import re
from pathlib import Path
from typing import Any

import pytest

from shardmill import SettingsError
from shardmill.training.load_settings import (
    changes_for,
    check_settings,
    load_settings_file,
    merge,
    parse_changes,
)
from shardmill.training.settings import BASELINES, Settings


def settings_of(changes: dict[str, Any]) -> Settings:
    return check_settings(merge(BASELINES["text"].to_dict(), changes), where="test")


def test_words_are_nested_tables() -> None:
    words = ["epochs=5", "early_stopping.patience=4", "learning_rate = 1e-3", "log.wandb=true"]
    words += ["early_stopping.metric=train_loss", "precision='bf16-mixed'", "epochs=6"]
    settings = settings_of(parse_changes(words))
    assert settings.epochs == 6
    assert settings.learning_rate == 1e-3
    assert settings.precision == "bf16-mixed"
    assert settings.early_stopping is not None
    assert settings.early_stopping.model_dump() == {
        "metric": "train_loss",
        "patience": 4,
        "min_delta": 0.0,
        "restore_best": True,
    }
    assert (settings.log.wandb, settings.log.tensorboard) == (True, False)
    assert settings.batch_size == BASELINES["text"].batch_size
    off = merge(settings.to_dict(), parse_changes(["early_stopping=none"]))
    assert check_settings(off, where="test").early_stopping is None


@pytest.mark.parametrize("word", ["epochs", "=5", "log.=true"])
def test_what_is_no_word(word: str) -> None:
    with pytest.raises(SettingsError, match="expected KEY=VALUE"):
        parse_changes([word])


def test_a_file_has_tables_of_kinds_and_artifacts(sample_artifacts: Path, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("text = { epochs = 2, seed = 3 }\n[ag_news]\nepochs = 4\n")
    tables = load_settings_file(file, ["ag_news", "titanic"])
    given = parse_changes(["batch_size=9"])
    assert changes_for(sample_artifacts / "titanic", tables, given) == {"batch_size": 9}
    text = changes_for(sample_artifacts / "ag_news", tables, given)
    assert text == {"batch_size": 9, "epochs": 4, "seed": 3}


def test_the_settings_in_the_readme_are_valid(tmp_path: Path) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    file = tmp_path / "settings.toml"
    file.write_text(readme.split("## Training")[1].split("```toml\n")[1].split("```")[0])
    tables = load_settings_file(file, ["titanic"])
    section = readme.split("## Training")[1].split("## Commands")[0]
    named = set(re.findall(r"\w+", section))
    assert set(Settings.model_fields) <= named
    assert list(tables) == ["text", "titanic"]


def test_all_faults_of_a_file_are_said_at_once(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(
        "epochs = 3\n[titanik]\n[titanic]\nepochs = 0\nbatchsize = 3\nprecision = 'half'\n"
        "[titanic.early_stopping]\npatient = 3\n[image]\nlearning_rate = '1'\nzzz = 1\n"
    )
    with pytest.raises(SettingsError) as caught:
        load_settings_file(file, ["titanic"])
    assert caught.value.where == str(file)
    # the order is that of the file, and in a table that of the keys as they are checked
    for fault in (
        "8 faults: ",
        "epochs: not the table of a kind or artifact, known here: image, tabular, text, titanic",
        "titanik: not the table of a kind or artifact, did you mean titanic?",
        "titanic.epochs: Input should be greater than or equal to 1, found 0",
        "titanic.batchsize: unknown key, did you mean batch_size?",
        "titanic.precision: Input should be '32-true', ",
        "titanic.early_stopping.patient: unknown key, did you mean patience?",
        "image.learning_rate: Input should be a valid number, found '1'",
        "image.zzz: unknown key, known here: batch_size, checkpoint, compile, ",
    ):
        assert fault in caught.value.found


@pytest.mark.parametrize(
    ("content", "fault"),
    [(None, "No such file"), (b"a = [", "Invalid|Unclosed"), (b"\xff", "utf-8")],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, fault: str) -> None:
    file = tmp_path / "settings.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=f"expected a readable TOML file, found .*({fault})"):
        load_settings_file(file, [])


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"learning_rate": float("nan")}, "learning_rate: "),
        ({"warmup": 1.0}, "warmup: "),
        ({"seed": 2**32}, "seed: "),
        ({"log": {"csv": False}}, "log.csv: Input should be True"),
        ({"checkpoint": {"every_minutes": 0}}, "checkpoint.every_minutes: "),
        ({"early_stopping": 3}, "early_stopping: "),
        ({"epochs": 2.0}, "epochs: "),
        ({"compile": "yes"}, "compile: "),
    ],
)
def test_values_that_cannot_work(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(SettingsError, match=f"test: expected valid settings, found {fault}"):
        settings_of(changes)
