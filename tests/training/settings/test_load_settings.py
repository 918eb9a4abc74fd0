"""Settings from files and words: what is taken, and every fault at once."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shardmill import Manifest, SettingsError
from shardmill.training.settings.load_settings import (
    base_settings,
    changes_for,
    check_settings,
    load_settings_file,
    merge,
    parse_changes,
)
from shardmill.training.settings.model_options import ARCHITECTURES
from shardmill.training.settings.settings import BASELINES, BASES, Settings


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
    table, texts = (Manifest.load(sample_artifacts / name) for name in ("titanic", "ag_news"))
    assert changes_for(table, tables, given) == {"batch_size": 9}
    text = changes_for(texts, tables, given)
    assert text == {"batch_size": 9, "epochs": 4, "seed": 3}


def test_the_settings_in_the_documents_are_valid(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "training.md"
    text = page.read_text(encoding="utf-8")
    file = tmp_path / "settings.toml"
    file.write_text(text.split('```toml title="runs.toml"\n')[1].split("```")[0])
    tables = load_settings_file(file, ["titanic"])
    named = set(re.findall(r"`(\w+)`", text))
    assert set(Settings.model_fields) <= named
    assert list(tables) == ["image", "titanic"]


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


# The model's own table.


def settle(kind: str, changes: dict[str, Any]) -> Settings:
    merged = merge(base_settings(kind, changes), changes)
    return check_settings(merged, where="test", kinds=[kind])


@pytest.mark.parametrize("architecture", BASES)
def test_an_architecture_comes_with_its_settings(architecture: str) -> None:
    kind = next(kind for kind, names in ARCHITECTURES.items() if architecture in names)
    assert (
        settle(kind, parse_changes([f"model.architecture={architecture}"])) == BASES[architecture]
    )
    settings = settle(kind, parse_changes([f"model.architecture={architecture}", "model.width=12"]))
    assert settings.model == BASES[architecture].model.model_copy(update={"width": 12})
    assert Settings.model_validate(json.loads(json.dumps(settings.to_dict()))) == settings
    assert settle(kind, {}).model.architecture == ARCHITECTURES[kind][0]


def test_options_of_one_architecture_are_none_of_another() -> None:
    low = parse_changes(["model.architecture=text_bag", "model.buckets=3", "epochs=2"])
    high = parse_changes(["model.architecture=tabular_mlp"])
    assert merge(low, high) == {"model": {"architecture": "tabular_mlp"}, "epochs": 2}
    same = merge(low, parse_changes(["model.architecture=text_bag", "model.width=4"]))
    assert same["model"] == {"architecture": "text_bag", "buckets": 3, "width": 4}


@pytest.mark.parametrize(
    ("words", "faults"),
    [
        (
            ["model.architecture=image_cn", "epochs=0", "model.width=0"],
            [
                "2 faults: ",
                "model.architecture: 'image_cn' is none of kind image, did you mean image_cnn?",
                "epochs: ",
            ],
        ),
        (
            ["model.architecture=text_bag"],
            ["model.architecture: 'text_bag' is none of kind image, known here: image_cnn"],
        ),
        (["model.architecture=3"], ["model.architecture: 3 is none of kind image"]),
        (["model=image_cnn"], ["model: Input should be a valid dictionary"]),
        (
            ["model.widht=3", "model.depth=0", "model.buckets=4", "checkpoint.bset=true"],
            [
                "4 faults: ",
                "model.widht: unknown key, did you mean width?",
                "model.depth: Input should be greater than or equal to 1, found 0",
                "model.buckets: unknown key, known here: architecture, depth, width",
                "checkpoint.bset: unknown key, did you mean best?",
            ],
        ),
    ],
)
def test_faults_of_a_model(words: list[str], faults: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        settle("image", parse_changes(words))
    for fault in faults:
        assert fault in caught.value.found
    assert "image_cnn.w" not in caught.value.found


def test_widths_are_divided_among_heads() -> None:
    words = ["model.architecture=text_transformer", "model.width=30"]
    fault = "found model: width 30 is no multiple of heads 4"
    with pytest.raises(SettingsError, match=fault):
        settle("text", parse_changes(words))


def test_models_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(
        "[text.model]\narchitecture = 'image_cnn'\n[image.model]\nbuckets = 3\n"
        "[mnist]\nmodel = { depth = 2 }\n[titanic]\nmodel = { deptth = 2 }\n"
    )
    with pytest.raises(SettingsError) as caught:
        load_settings_file(file, ["mnist", "titanic"])
    for fault in (
        "3 faults: ",
        "text.model.architecture: 'image_cnn' is none of kind text, known here: text_bag",
        "image.model.buckets: unknown key, known here: ",
        "titanic.model.deptth: unknown key, did you mean depth?",
    ):
        assert fault in caught.value.found
    file.write_text("mnist.model.depth = 2\ntext.model = { architecture = 'text_bag', width = 8 }")
    tables = load_settings_file(file, ["mnist"])
    assert settle("image", tables["mnist"]).model.model_dump()["depth"] == 2


def test_only_tables_have_other_settings_for_numbers() -> None:
    for kind, architectures in ARCHITECTURES.items():
        for name in architectures:
            changes = {"model": {"architecture": name}}
            base = base_settings(kind, changes, task="number")
            if name == "tabular_mlp":
                other = {"epochs": 20, "learning_rate": 5e-3, "model": {"dropout": 0.2}}
                assert base == merge(BASES[name].to_dict(), other)
            else:
                assert base == BASES[name].to_dict()
            check_settings(base, where="test", kinds=[kind])
