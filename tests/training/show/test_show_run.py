"""What TensorBoard shows of a run, read back with its own reader, and that it changes nothing."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import same_bits, state
from safetensors.torch import load_file
from stopped_runs import stop_before

import shardmill
from shardmill.training.models.even_rows import even_rows
from shardmill.training.run.train_artifact import Result, RunOptions, train_artifact
from shardmill.training.show.draw_rows import class_colours

pytest.importorskip("tensorboard")
from google.protobuf import text_format
from shown_runs import read_events, to_html
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.plugins.mesh.plugin_data_pb2 import MeshPluginData
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from tensorboard.util import tensor_util

SPLITS = {"titanic": "validation", "mnist": "validation", "ag_news": "train"}


SETTINGS: dict[str, Any] = {"deterministic": True, "log": {"tensorboard": True}}


EPOCHS = {"titanic": 2, "mnist": 1, "ag_news": 1}


BATCH = {"titanic": 64, "mnist": 256, "ag_news": 128}


@dataclass(frozen=True, slots=True)
class Board:
    """A run and what was written of it."""

    result: Result
    events: Any

    @property
    def folder(self) -> Path:
        return Path(self.events.path)

    def table(self, tag: str) -> list[list[str]]:
        """Return the cells of a text, as a browser shows them, by row."""
        [event] = self.events.Tensors(f"{tag}/text_summary")[-1:]
        html = to_html(tensor_util.make_ndarray(event.tensor_proto).item())
        lines = html.replace("<th", "<td").replace("</th>", "</td>").split("<tr>")[1:]
        return [
            [unescape(cell.split("</td>")[0]) for cell in row.split("<td>")[1:]] for row in lines
        ]


def train(artifact: Path, out: Path, changes: Mapping[str, Any], **options: Any) -> Result:
    changes = {"epochs": EPOCHS[artifact.name], **changes}
    return train_artifact(artifact, out, options=RunOptions(changes, **options))


@pytest.fixture(scope="module")
def boards(sample_artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Board]:
    out = tmp_path_factory.mktemp("boards")
    found = {}
    for name in SPLITS:
        result = train(sample_artifacts / name, out, SETTINGS)
        events = read_events(result.folder / "logs" / "tensorboard" / "version_0")
        found[name] = Board(result, events)
    return found


@pytest.mark.parametrize("name", SPLITS)
def test_the_run_is_what_it_would_have_been(
    boards: dict[str, Board], sample_artifacts: Path, tmp_path: Path, name: str
) -> None:
    bare = train(sample_artifacts / name, tmp_path, {"deterministic": True})
    shown = boards[name].result
    assert same_bits(state(shown.folder), state(bare.folder))
    assert shown.metrics == bare.metrics


def test_so_is_one_that_is_resumed(
    boards: dict[str, Board],
    sample_artifacts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changes = SETTINGS | {"checkpoint": {"every_n_steps": 17}}
    with monkeypatch.context() as patch, pytest.raises(InterruptedError):
        stop_before(20, patch)
        train(sample_artifacts / "titanic", tmp_path, changes)
    resumed = train_artifact(
        sample_artifacts / "titanic", tmp_path, options=RunOptions(resume=True)
    )
    assert same_bits(state(resumed.folder), state(boards["titanic"].result.folder))
    folder = resumed.folder / "logs" / "tensorboard"
    assert read_events(folder / "version_0").Tags()["graph"]
    assert read_events(folder / "version_1").Scalars("validation_accuracy")[-1].step == 25
    train_artifact(sample_artifacts / "titanic", tmp_path, options=RunOptions(resume=True))
    assert (folder / "version_2" / "projector_config.pbtxt").is_file()  # of a finished run, too


@pytest.mark.parametrize("name", SPLITS)
def test_scalars_graph_and_settings(boards: dict[str, Board], name: str) -> None:
    board, events = boards[name], boards[name].events
    metrics = board.result.metrics
    for metric, value in metrics.items():
        assert events.Scalars(metric)[-1].value == pytest.approx(value)
    nodes = [node.name for node in events.Graph().node]
    assert any("backbone" in node for node in nodes) and any("[head]" in node for node in nodes)
    found = {
        tag: HParamsPluginData.FromString(facts.plugin_data.content)
        for tag, facts in events.summary_metadata.items()
        if facts.plugin_data.plugin_name == "hparams"
    }
    said = found["_hparams_/session_start_info"].session_start_info.hparams
    assert said["batch_size"].number_value == BATCH[name]
    assert said["deterministic"].string_value == "true"
    assert not any(key.startswith(("log", "checkpoint")) for key in said)
    experiment = found["_hparams_/experiment"].experiment
    assert {info.name.tag for info in experiment.metric_infos} == set(metrics)
    assert len(list(board.folder.parent.iterdir())) == 1  # no folder of another run


@pytest.mark.parametrize("name", SPLITS)
def test_histograms_of_weights_and_gradients(boards: dict[str, Board], name: str) -> None:
    board, events = boards[name], boards[name].events
    weights = load_file(board.result.folder / "model" / "model.safetensors")
    kinds = {tag.partition("/")[0] for tag in events.Tags()["histograms"]}
    assert kinds == {"weights", "gradients"}
    learnt = [tag.partition("/")[2] for tag in events.Tags()["histograms"] if tag[0] == "w"]
    assert {name for name in weights if name.endswith(("weight", "bias"))} == set(learnt)
    for weight in learnt:
        shown = events.Histograms(f"weights/{weight}")
        assert len(shown) == len(events.Histograms(f"gradients/{weight}")) == EPOCHS[name]
        last = shown[-1].histogram_value
        assert (last.min, last.max) == (float(weights[weight].min()), float(weights[weight].max()))
        assert sum(last.bucket) == last.num == weights[weight].numel()


@pytest.mark.parametrize("name", SPLITS)
def test_pictures(boards: dict[str, Board], name: str) -> None:
    from matplotlib.image import imread

    events, split = boards[name].events, SPLITS[name]
    wanted = {f"confusion/{split}", f"features/{split}"}
    if name == "mnist":
        wanted |= {"samples/train", f"mistakes/{split}"}
    assert set(events.Tags()["images"]) == wanted
    for tag in wanted:
        shown = events.Images(tag)
        assert len(shown) == (1 if tag == "samples/train" else EPOCHS[name])
        pixels = imread(io.BytesIO(shown[-1].encoded_image_string))
        assert pixels.shape[:2] == (shown[-1].height, shown[-1].width)
        assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 20


@pytest.mark.parametrize("name", SPLITS)
def test_mesh_of_the_features(boards: dict[str, Board], sample_artifacts: Path, name: str) -> None:
    board, split = boards[name], SPLITS[name]
    mesh: dict[int, list[Any]] = {}
    for tag, facts in board.events.summary_metadata.items():
        if facts.plugin_data.plugin_name == "mesh":
            about = MeshPluginData.FromString(facts.plugin_data.content)
            assert about.name == f"features/{split}"
            assert json.loads(about.json_config)["material"]["cls"] == "PointsMaterial"
            events = board.events.Tensors(tag)
            mesh[about.content_type] = [tensor_util.make_ndarray(e.tensor_proto) for e in events]
    assert set(mesh) == {MeshPluginData.VERTEX, MeshPluginData.COLOR}
    dataset = shardmill.open(sample_artifacts / name, split)
    rows = even_rows(len(dataset), 1000)
    points = mesh[MeshPluginData.VERTEX]
    assert len(points) == EPOCHS[name]
    assert points[-1].shape == (1, len(rows), 3)
    assert np.abs(points[-1]).max() == pytest.approx(10)
    assert len(np.unique(points[-1][0], axis=0)) > 10
    truth = dataset[rows][1]
    expected = class_colours(len(dataset.classes or ()))[truth]
    assert np.array_equal(mesh[MeshPluginData.COLOR][-1][0], expected)


@pytest.mark.parametrize("name", SPLITS)
def test_projector(boards: dict[str, Board], sample_artifacts: Path, name: str) -> None:
    board, split = boards[name], SPLITS[name]
    config = ProjectorConfig()
    text_format.Parse((board.folder / "projector_config.pbtxt").read_text(), config)
    files = {info.tensor_name.partition(":")[0]: info for info in config.embeddings}
    assert set(files) == {f"features/{split}"} | ({"tokens"} if name == "ag_news" else set())
    dataset = shardmill.open(sample_artifacts / name, split)
    info = files[f"features/{split}"]
    lines = tsv(board.folder / info.metadata_path)
    rows = [int(row) for *_, row in lines[1:]]
    assert lines[0] == ["class", "predicted", "row"]
    truth = [dataset.decoder[k] for k in dataset[rows][1].tolist()]
    assert [line[0] for line in lines[1:]] == truth
    assert len(tsv(board.folder / info.tensor_path)) == len(rows)
    assert info.sprite.image_path.endswith(".png") == (name == "mnist")
    if name == "ag_news":
        tokens = tsv(board.folder / files["tokens"].metadata_path)[1:]
        weights = load_file(board.result.folder / "model" / "model.safetensors")
        vectors = tsv(board.folder / files["tokens"].tensor_path)
        assert 100 < len(tokens) == len(vectors) <= 2000
        ids = shardmill.AGNewsDataset(dataset.path).vocab.lookup_indices([tokens[0][0]])
        first = weights["backbone.embedding.weight"][ids[0]]
        assert torch.allclose(torch.tensor([float(v) for v in vectors[0]]), first)


def tsv(file: Path) -> list[list[str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_texts(boards: dict[str, Board], sample_artifacts: Path) -> None:
    for name, board in boards.items():
        facts = dict(board.table("run")[1:])
        manifest = shardmill.Manifest.load(sample_artifacts / name)
        assert facts["artifact"] == f"{name} (SAMPLE DATA)"
        assert facts["generation"] == manifest.shard_key
        assert facts["recipe, SHA-256"] == manifest.recipe_sha256
        assert f"train {manifest.splits['train'].rows:,}" in facts["rows"]
    titanic = boards["titanic"].table("mistakes/validation")
    features = list(shardmill.open(sample_artifacts / "titanic").features)
    assert titanic[0] == ["true", "predicted", *features]
    assert 1 < len(titanic) <= 13 and all(len(row) == len(titanic[0]) for row in titanic)
    assert all(not said.startswith(true) for true, said, *_ in titanic[1:])
    dataset = shardmill.AGNewsDataset(sample_artifacts / "ag_news")
    heading, *samples = boards["ag_news"].table("samples/train")
    assert heading == ["row", "class", "tokens"] and len(samples) == 12
    for row, name, tokens in samples:
        ids, truth = dataset[int(row)]
        assert name == (dataset.classes or ())[int(truth)]
        text = " ".join(dataset.vocab.lookup_tokens(ids))
        assert tokens == (text if len(text) <= 100 else text[:100] + "…")
