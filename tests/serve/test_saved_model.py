"""A model folder stands alone: the same logits, checked to the byte, wherever it is moved."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
import xxhash
from click.testing import CliRunner
from saved_models import open_split, save

import shardmill
from shardmill import (
    ModelError,
    Preprocessor,
    ShardmillError,
    read_model,
)
from shardmill.cli import main
from shardmill.errors import DamagedFileError, MissingArtifactError
from shardmill.format.record import to_json
from shardmill.training.settings.model_options import ARCHITECTURES, BY_ARCHITECTURE
from shardmill.training.settings.settings import BASELINES

NAMES = ("titanic", "mnist", "ag_news")


@pytest.mark.parametrize("architecture", BY_ARCHITECTURE)
def test_logits_are_the_same_to_the_bit(
    sample_artifacts: Path, tmp_path: Path, architecture: str
) -> None:
    kind = next(kind for kind, names in ARCHITECTURES.items() if architecture in names)
    name = {"tabular": "titanic", "image": "mnist", "text": "ag_news"}[kind]
    options = BY_ARCHITECTURE[architecture](width=12)
    module = save(sample_artifacts / name, tmp_path / "model", options)
    (tmp_path / "model").rename(tmp_path / "elsewhere")
    model = shardmill.load_model(tmp_path / "elsewhere")
    assert model.facts.architecture == architecture
    assert model.facts.options["width"] == 12
    dataset = open_split(sample_artifacts / name, "validation" if name != "ag_news" else "test")
    x, _ = dataset[:100]
    with torch.inference_mode():
        expected = module(x)
    assert torch.equal(model.logits(x), expected)
    assert not model.module.training
    assert model.classes == dataset.classes
    assert torch.equal(model.probabilities(x), expected.softmax(1))
    assert name in repr(model) and "sample data" in repr(model)


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_preprocessor_is_that_of_the_artifact(
    sample_artifacts: Path, model_folders: Path, name: str
) -> None:
    saved, ours = (
        Preprocessor.load(model_folders / name),
        Preprocessor.load(sample_artifacts / name),
    )
    assert saved.recipe == ours.recipe
    assert saved.fitted == ours.fitted


def test_it_works_when_the_artifact_is_gone(sample_artifacts: Path, tmp_path: Path) -> None:
    shutil.copytree(sample_artifacts / "ag_news", tmp_path / "ag_news")
    save(tmp_path / "ag_news", tmp_path / "model")
    shutil.rmtree(tmp_path / "ag_news")
    model = shardmill.load_model(tmp_path / "model")
    found = model.predict(["Stocks fell on Monday", ""])
    assert found.shape == (2, 4)
    assert torch.allclose(found.sum(1), torch.ones(2))


def test_what_it_says(sample_artifacts: Path, model_folders: Path) -> None:
    facts, _ = read_model(model_folders / "mnist")
    manifest = shardmill.Manifest.load(sample_artifacts / "mnist")
    assert (facts.format, facts.version, facts.architecture) == ("shardmill-model", 1, "image_cnn")
    assert facts.trained_on.shard_key == manifest.shard_key
    assert facts.trained_on.recipe_sha256 == manifest.recipe_sha256
    assert facts.trained_on.sample
    assert facts.metrics == {"train_loss": 0.5, "other": None}
    assert facts.settings["epochs"] == BASELINES["image"].epochs
    assert facts.options["shape"] == [1, 28, 28]
    assert {file.path for file in facts.files} == {"model.safetensors", "preprocessor.json"}
    there = {path.name for path in (model_folders / "mnist").iterdir()}
    assert there == {"model.json", "model.safetensors", "preprocessor.json"}


def test_training_saves_one(sample_artifacts: Path, tmp_path: Path) -> None:
    options = ["--artifacts", str(sample_artifacts), "--out", str(tmp_path), "--epochs", "1"]
    for _ in range(2):  # the second takes the place of the first
        run = CliRunner().invoke(main, ["train", "titanic", *options])
        assert run.exit_code == 0, run.output
    model = shardmill.load_model(tmp_path / "titanic/model")
    written = json.loads((tmp_path / "titanic/metrics.json").read_bytes())
    assert model.facts.metrics == written["metrics"]
    assert model.facts.parameters == written["parameters"]
    there = {path.name for path in (tmp_path / "titanic").iterdir()}
    assert there == {"checkpoints", "logs", "metrics.json", "model", "previous"}


# What is wrong is said.


@pytest.mark.parametrize("name", NAMES)
def test_a_byte_changed_in_any_file(model_folders: Path, tmp_path: Path, name: str) -> None:
    for path in sorted((model_folders / name).iterdir()):
        content = path.read_bytes()
        for place in (0, len(content) // 2, len(content) - 1):
            folder = tmp_path / f"{path.name}-{place}"
            shutil.copytree(model_folders / name, folder)
            (folder / path.name).write_bytes(
                content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
            )
            with pytest.raises(ShardmillError, match=f"{path.name}.*expected .*found") as raised:
                shardmill.load_model(folder)
            assert raised.value.exit_code == 5
            shutil.rmtree(folder)


@pytest.mark.parametrize("file", ["model.safetensors", "preprocessor.json", "vocab.txt"])
def test_a_missing_file(model_folders: Path, tmp_path: Path, file: str) -> None:
    shutil.copytree(model_folders / "ag_news", tmp_path / "model")
    (tmp_path / "model" / file).unlink()
    with pytest.raises(DamagedFileError, match=f"{file}: expected a file of .* found none"):
        shardmill.load_model(tmp_path / "model")


def test_what_is_no_model_folder(sample_artifacts: Path, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none", sample_artifacts / "titanic"):
        with pytest.raises(MissingArtifactError, match=r"expected a folder with a model\.json"):
            shardmill.load_model(folder)


def test_what_is_taken_for_a_model_folder(
    sample_artifacts: Path, model_folders: Path, tmp_path: Path
) -> None:
    shutil.copytree(model_folders / "titanic", tmp_path / "titanic" / "model")
    with pytest.raises(MissingArtifactError) as raised:
        shardmill.load_model(tmp_path / "titanic")
    assert raised.value.fix == f"give {tmp_path / 'titanic' / 'model'}"
    with pytest.raises(MissingArtifactError, match=r"found an artifact, .* runs/NAME/model$"):
        shardmill.load_model(sample_artifacts / "titanic")
    with pytest.raises(MissingArtifactError, match=r"found none; correct the path$"):
        shardmill.load_model(tmp_path / "none")


def rewrite(source: Path, folder: Path, **changes: Any) -> None:
    """Copy a model, with other facts and the checksum that they ought to have."""
    shutil.copytree(source, folder)
    facts = read_model(folder)[0].model_copy(update={**changes, "checksum": None})
    digest = xxhash.xxh3_128_hexdigest(to_json(facts))
    facts = facts.model_copy(update={"checksum": digest})
    (folder / "model.json").write_bytes(to_json(facts))


def weights(changed: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], bytes]:
    def content(folder: Path) -> bytes:
        tensors = safetensors.torch.load((folder / "model.safetensors").read_bytes())
        changed(tensors)
        return safetensors.torch.save(tensors)

    return content


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"architecture": "resnet"},
            "expected an architecture, one of tabular_mlp, image_cnn, .*, found 'resnet'",
        ),
        (
            {"options": {"shape": [1, 28, 28]}},
            r"expected options that make image_cnn, found .* missing 2 required",
        ),
        (
            {"options": {"shape": [1, 2], "mean": 0, "std": 1}},
            r"expected options that make image_cnn, found not enough values",
        ),
        (
            {"classes": ("a", "b")},
            r"tensor head.bias: expected float32 \[2\], found float32 \[10\]",
        ),
        (
            {"options": {"shape": [1, 8, 8], "mean": 0.0, "std": 1.0}},
            r"tensor head.weight: expected float32 \[10, 64\], found float32 \[10, 576\]",
        ),
        (
            {"options": {"shape": [1, 28, 28], "mean": 0.0, "std": 1.0, "width": 2**22}},
            r"tensor backbone.*: expected float32 \[4194304.*\], found float32 \[16",
        ),
        (
            {"options": {"shape": [1, 28, 28], "mean": 0.0, "std": 1.0, "depth": 2**40}},
            r"expected depth of at most \d+, found 1,099,511,627,776",
        ),
        ({"files": ()}, r"expected a record of model\.safetensors, found none"),
    ],
)
def test_facts_that_do_not_fit(
    model_folders: Path, tmp_path: Path, changes: dict[str, Any], fault: str
) -> None:
    rewrite(model_folders / "mnist", tmp_path / "model", **changes)
    with pytest.raises(ShardmillError, match=fault) as raised:
        shardmill.load_model(tmp_path / "model")
    assert raised.value.exit_code == 5


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            lambda t: t.pop("backbone.mean"),
            r"tensor backbone.mean: expected float32 \[5\], found no such tensor",
        ),
        (lambda t: t.update(more=torch.ones(2)), r"more: expected no such tensor, found float32"),
        (
            lambda t: t.update({"backbone.mean": t["backbone.mean"].double()}),
            "expected float32 .*, found float64",
        ),
    ],
)
def test_tensors_that_do_not_fit(
    model_folders: Path,
    tmp_path: Path,
    change: Callable[[dict[str, torch.Tensor]], Any],
    fault: str,
) -> None:
    content = weights(change)(model_folders / "titanic")
    old = read_model(model_folders / "titanic")[0].files
    digest = xxhash.xxh3_128_hexdigest(content)
    new = old[0].model_copy(update={"bytes": len(content), "xxh3_128": digest})
    rewrite(model_folders / "titanic", tmp_path / "model", files=(new, *old[1:]))
    (tmp_path / "model/model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=fault):
        shardmill.load_model(tmp_path / "model")


def test_a_mean_that_is_no_float_in_the_file(model_folders: Path, tmp_path: Path) -> None:
    facts = shardmill.load_model(model_folders / "mnist").facts
    images = np.zeros((2, 28, 28), np.uint8)
    rewrite(model_folders / "mnist", tmp_path / "model", options=facts.options | {"mean": 2**100})
    assert shardmill.load_model(tmp_path / "model").predict(images).shape == (2, 10)
    rewrite(model_folders / "mnist", tmp_path / "other", options=facts.options | {"mean": 10**400})
    with pytest.raises(ModelError, match="int too large to convert to float"):
        shardmill.load_model(tmp_path / "other")


def test_endless_ngrams(model_folders: Path, tmp_path: Path) -> None:
    facts = shardmill.load_model(model_folders / "ag_news").facts
    rewrite(
        model_folders / "ag_news", tmp_path / "model", options=facts.options | {"ngrams": 2**62}
    )
    with pytest.raises(ModelError, match="expected ngrams of at most 100, found 4,611,"):
        shardmill.load_model(tmp_path / "model")
