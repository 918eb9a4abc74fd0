"""Model folders: what is replaced, what is left alone, what kills leave."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from saved_models import save

import shardmill
from shardmill import (
    ModelFacts,
    OutputError,
    Preprocessor,
)
from shardmill.errors import FormatVersionError
from shardmill.training.models.baseline import Baseline


@pytest.mark.parametrize("file", ["model.json", "preprocessor.json"])
def test_a_newer_version(model_folders: Path, tmp_path: Path, file: str) -> None:
    shutil.copytree(model_folders / "titanic", tmp_path / "model")
    facts = {**json.loads((tmp_path / "model" / file).read_bytes()), "version": 2, "new": 1}
    (tmp_path / "model" / file).write_text(json.dumps(facts))
    load = shardmill.load_model if file == "model.json" else Preprocessor.load
    with pytest.raises(FormatVersionError, match="expected version 1 or older, found version 2"):
        load(tmp_path / "model")


def test_paths_stay_in_the_folder(model_folders: Path) -> None:
    facts = json.loads((model_folders / "titanic/model.json").read_bytes())
    for path in ("../model.json", "/etc/passwd", "a/b"):
        facts["files"][0]["path"] = path
        with pytest.raises(ValueError, match="must"):
            ModelFacts.model_validate_json(json.dumps(facts))


# Writing.


def test_other_files_are_left_alone(sample_artifacts: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"expected a model, .*found a folder with other files"):
        save(sample_artifacts / "titanic", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="expected a folder that can be written"):
        save(sample_artifacts / "titanic", tmp_path / "file/model")


@pytest.mark.parametrize("step", [1, 2])
def test_an_interrupt_leaves_the_model_that_was_there(
    model_folders: Path,
    sample_artifacts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
) -> None:
    shutil.copytree(model_folders / "titanic", tmp_path / "model")
    before = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    rename, left = Path.rename, [step]

    def interrupt(path: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(sample_artifacts / "titanic", tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == before


def test_what_killed_processes_leave_is_cleared(
    model_folders: Path, sample_artifacts: Path, tmp_path: Path
) -> None:
    shutil.copytree(model_folders / "titanic", tmp_path / ".old-model")
    (tmp_path / ".building-model").mkdir()
    (tmp_path / ".building-model/half").write_text("")
    save(sample_artifacts / "titanic", tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert shardmill.load_model(tmp_path / "model").classes == ("Dead", "Survived")


def test_loading_draws_no_random_numbers(model_folders: Path) -> None:
    torch.manual_seed(0)
    state = torch.get_rng_state()
    shardmill.load_model(model_folders / "titanic")
    assert torch.equal(torch.get_rng_state(), state)


def test_options_make_the_same_module() -> None:
    module = Baseline("tabular_mlp", {"mean": [1.0, 2.0], "std": [0.0, 3.0]}, 2)
    assert dict(module.named_buffers())["backbone.std"].tolist() == [1.0, 3.0]
    assert json.loads(json.dumps(module.options)) == module.options
