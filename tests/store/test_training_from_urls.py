"""Training and evaluating on an artifact at a URL come to what its folder gives, bit for bit."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from checkpoints import same_bits, state
from click.testing import CliRunner
from commands import done, run
from object_servers import Faults, range_server
from stopped_runs import stop_before

import shardmill
from shardmill import MissingArtifactError, ResumeError, SettingsError
from shardmill.cli import main
from shardmill.format.manifest import Manifest
from shardmill.pipeline.sample.write_sample import write_sample
from shardmill.serve.push_model import push_model
from shardmill.store.cache_folder import clear_cache
from shardmill.store.push_artifact import push_artifact
from shardmill.training.run.train_artifact import Result, RunOptions, train_artifact
from shardmill.training.saved.evaluate_model import default_split, evaluate_model

BITS: dict[str, Any] = {"deterministic": True, "checkpoint": {"every_n_steps": 3}}
RUNS = {"titanic": BITS | {"epochs": 2}, "ag_news": BITS | {"epochs": 1, "batch_size": 512}}


@pytest.fixture(params=["folder", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return str(request.getfixturevalue("s3"))
    return (tmp_path / "there").as_uri()


def train(
    where: str | Path, out: Path, cache: Path, changes: dict[str, Any], *, resume: bool = False
) -> Result:
    options = RunOptions(changes, resume=resume, cache=str(cache))
    return train_artifact(where, out, options=options)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_from_a_url_is_resumed_to_the_same_bits(
    name: str, url: str, sample_artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, cache = f"{url}/{name}", tmp_path / "cache"
    push_artifact(sample_artifacts / name, where)
    alone = train(sample_artifacts / name, tmp_path / "alone", cache, RUNS[name])
    with monkeypatch.context() as patch:
        stop_before(5, patch)
        with pytest.raises(InterruptedError):
            train(where, tmp_path / "runs", cache, RUNS[name])
    clear_cache(cache)  # on another machine
    resumed = train(where, tmp_path / "runs", cache, {}, resume=True)
    assert resumed.metrics == alone.metrics
    assert same_bits(state(resumed.folder), state(alone.folder))
    weights = [(each.folder / "model/model.safetensors").read_bytes() for each in (resumed, alone)]
    assert weights[0] == weights[1]
    facts = json.loads((resumed.folder / "metrics.json").read_text())
    key = Manifest.load(sample_artifacts / name).shard_key
    assert (facts["artifact"], facts["shard_key"], resumed.artifact) == (where, key, where)
    trained_on = shardmill.load_model(resumed.folder / "model").facts.trained_on
    assert (trained_on.name, trained_on.shard_key) == (name, key)
    assert Result.from_dict(resumed.to_dict()) == resumed


def test_a_run_of_another_generation_is_not_resumed(
    url: str, sample_artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, cache = f"{url}/titanic", tmp_path / "cache"
    push_artifact(sample_artifacts / "titanic", where)
    with monkeypatch.context() as patch:
        stop_before(5, patch)
        with pytest.raises(InterruptedError):
            train(where, tmp_path / "runs", cache, RUNS["titanic"])
    before = Manifest.load(sample_artifacts / "titanic").shard_key
    write_sample(tmp_path / "raw", ["titanic"], seed=1)
    done("preprocess", "titanic", "--raw", tmp_path / "raw", "--out", tmp_path / "other")
    other = tmp_path / "other" / "titanic"
    push_artifact(other, where)
    found = f"a run of generation {Manifest.load(other).shard_key}, found one of .*{before}"
    with pytest.raises(ResumeError, match=found):
        train(where, tmp_path / "runs", cache, {}, resume=True)


def test_an_evaluation_at_urls_is_that_of_the_folders(
    url: str, sample_artifacts: Path, model_folders: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    for name, split in (("titanic", "validation"), ("mnist", "test"), ("ag_news", "test")):
        where = f"{url}/{name}"
        push_artifact(sample_artifacts / name, where)
        push_model(model_folders / name, f"{url}/model-{name}")
        assert default_split(where, cache=cache) == split
        model = shardmill.load_model(f"{url}/model-{name}", cache=cache)
        found = evaluate_model(model, where, split, cache=cache).to_dict()
        own = shardmill.load_model(model_folders / name)
        expected = evaluate_model(own, sample_artifacts / name, split).to_dict()
        assert (found.pop("model"), found.pop("artifact")) == (f"{url}/model-{name}", where)
        expected = {k: v for k, v in expected.items() if k not in ("model", "artifact")}
        assert found == expected


def test_a_run_starts_from_a_model_at_a_url(
    url: str, sample_artifacts: Path, model_folders: Path, tmp_path: Path
) -> None:
    push_model(model_folders / "titanic", f"{url}/model")
    cache, changes = tmp_path / "cache", RUNS["titanic"] | {"epochs": 1}
    artifact = sample_artifacts / "titanic"
    given = {"transfer": {"model": f"{url}/model"}}
    there = train(artifact, tmp_path / "there", cache, changes | given)
    here = train(
        artifact,
        tmp_path / "here",
        cache,
        changes | {"transfer": {"model": str(model_folders / "titanic")}},
    )
    assert there.metrics == here.metrics
    assert str(there.origin).startswith(f"{url}/model, with its head")
    assert train(artifact, tmp_path / "there", cache, {}, resume=True).metrics == here.metrics


def test_ranks_share_a_cache(sample_artifacts: Path, tmp_path: Path) -> None:
    faults = Faults()
    with range_server(sample_artifacts, faults) as endpoint:
        where = f"{endpoint}/titanic"
        changes = {"devices": 2, "epochs": 1, "batch_size": 32}
        result = train(where, tmp_path / "runs", tmp_path / "cache", changes)
    here = train(sample_artifacts / "titanic", tmp_path / "here", tmp_path / "cache", changes)
    assert (result.artifact, result.devices) == (where, 2)
    assert result.metrics == here.metrics
    shards = [path for path, _ in faults.asked if path.endswith(".safetensors")]
    assert shards
    assert len(shards) == len(set(shards))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("home")
def test_commands_take_urls(
    url: str, sample_artifacts: Path, sample_raw: Path, tmp_path: Path
) -> None:
    done("push", "titanic", f"{url}/data/titanic", "--artifacts", sample_artifacts)
    trained = done("train", f"{url}/data/titanic", "--epochs", 1)
    assert f"shardmill train {url}/data/titanic --out runs --resume" in trained.output
    assert f"shardmill evaluate runs/titanic/model {url}/data/titanic" in trained.output
    done("push", "runs/titanic", f"{url}/runs/titanic/model")
    expected = done("evaluate", "titanic", f"{url}/data/titanic", "--json").output
    for model in (f"{url}/runs/titanic/model", f"{url}/runs/titanic"):
        found = json.loads(done("evaluate", model, f"{url}/data/titanic", "--json").output)
        assert found == json.loads(expected) | {"model": model}
    names = ["titanic", "titanic", "--artifacts", f"{url}/data", "--runs", f"{url}/runs", "--json"]
    found = json.loads(done("evaluate", *names).output)
    assert found["accuracy"] == json.loads(expected)["accuracy"]
    raw = sample_raw / "titanic" / "train.csv"
    predicted = [
        done("predict", *words, raw).output
        for words in (
            ["titanic"],
            [f"{url}/runs/titanic"],
            ["titanic", "--runs", f"{url}/runs", "--cache", "own"],
        )
    ]
    assert len(set(predicted)) == 1
    assert list(Path("own").glob("model-*/.url"))
    done("export", f"{url}/runs/titanic", "--out", "titanic.pt2", "--quiet")
    assert Path("titanic.pt2").stat().st_size
    done("train", "titanic", "--artifacts", f"{url}/data", "--from", f"{url}/runs/titanic",
         "--epochs", 1, "--out", "second", "--cache", "own")  # fmt: skip
    shown = done("inspect", "titanic", "--artifacts", f"{url}/data", "--row", "train:3").output
    assert "Embarked" in shown
    assert "all whole" in done("verify", "titanic", "--artifacts", f"{url}/data").output


@pytest.mark.usefixtures("home")
def test_settings_are_found_by_the_name_in_the_manifest(
    sample_artifacts: Path, tmp_path: Path
) -> None:
    there = shutil.copytree(sample_artifacts / "titanic", tmp_path / "elsewhere-2").as_uri()
    Path("settings.toml").write_text("[titanic]\nepochs = 1\n")
    done("train", there, "--settings", "settings.toml")
    assert json.loads(Path("runs/titanic/metrics.json").read_text())["epochs_trained"] == 1
    twice = run("train", there, sample_artifacts / "titanic")
    assert twice.exit_code == 2
    assert "would have the same folder for their runs" in twice.output


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["train", "{url}/none"], 5, "push an artifact there"),
        (["evaluate", "{url}/none", "titanic"], 5, "push a model there"),
        (["predict", "{url}/none", "x.csv"], 5, "push a model there"),
        (["export", "{url}/none"], 2, "--out: nothing is written beside a URL"),
        (["export", "{url}/none", "--out", "x.pt2"], 5, "push a model there"),
        (["train", "--artifacts", "{url}"], 5, "name them, or give the URL of each"),
        (["verify", "--artifacts", "{url}"], 5, "name them, or give the URL of each"),
        (["train", "titanic", "--from", "{url}/none"], 5, "push a model there"),
        (["train", "titanic", "--out", "{url}/runs"], 2, "Train into a folder"),
        (["train", "titanic", "--out", "s3:/bucket/runs"], 2, "Train into a folder"),
        (["train", "titanic", "--settings", "{url}/x.toml"], 2, "a file of this machine"),
        (["predict", "titanic", "x.csv", "--out", "{url}/x"], 2, "Write a file, and copy"),
        (["evaluate", "titanic", "titanic", "--picture", "{url}/x.svg"], 2, "Write a file"),
        (["inspect", "{url}", "--cache", "{url}"], 2, "a folder of this machine"),
        (["doctor", "--artifacts", "{url}"], 2, "a folder of this machine"),
        (["pull", "{url}", "--out", "{url}"], 2, "`shardmill push` a folder there"),
        (["preprocess", "{url}/people.csv"], 8, "people.csv"),
        (["preprocess", "{url}/people.csv", "titanic"], 2, "the URLs of all files"),
        (["recipe", "infer", "{url}/people.csv"], 8, "people.csv"),
        (["recipe", "infer", "{url}/a.csv", "b.csv"], 2, "the URLs of all files"),
        (["recipe", "infer", "s3://a/b.csv", "gs://a/b.csv"], 4, "the same bucket"),
        (["fetch", "titanic", "--raw", "{url}"], 2, "Download into a folder"),
        (["sample", "--out", "{url}"], 2, "Write into a folder"),
        (["preprocess", "--sample", "{url}"], 2, "Write into a folder"),
        (["preprocess", "--raw", "s3:/bucket"], 2, "Write s3://bucket."),
        (["preprocess", "--out", "s3:/bucket"], 2, "Write s3://bucket."),
        (["push", "{url}/a", "{url}/b"], 2, "`shardmill pull` it"),
        (["push", "titanic", "s3:/bucket/x"], 8, "write s3://bucket/x"),
        (["pull", "s3:/bucket/x"], 8, "write s3://bucket/x"),
        (["train", "s3:/bucket/x"], 5, "with two slashes: s3://bucket/x"),
        (["verify", "s3:/bucket/x"], 5, "with two slashes: s3://bucket/x"),
        (["evaluate", "s3:/bucket/x", "titanic"], 2, "lacks a slash of a URL. Write s3://bucket/x"),
        (["predict", "titanic", "x.csv", "--runs", "s3:/bucket"], 2, "Write s3://bucket."),
        (["train", "nowhere://bucket/x"], 8, "use s3://, gs://"),
    ],
)
def test_what_is_refused(
    words: list[str], code: int, told: str, url: str, sample_artifacts: Path
) -> None:
    Path("artifacts").symlink_to(sample_artifacts)
    result = CliRunner().invoke(main, [word.format(url=url) for word in words])
    assert result.exit_code == code, result.output
    assert told in " ".join(result.output.split())


@pytest.mark.usefixtures("home")
def test_a_run_needs_credentials(
    s3: str, sample_artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("shardmill.store.cloud_store._RETRIES", 0)
    assert run("train", s3).exit_code == 8
    assert run("predict", s3, "x.csv").exit_code == 8


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "words",
    [
        ["train", "s3://bucket/x"],
        ["evaluate", "s3://bucket/x", "titanic"],
        ["predict", "s3://bucket/x", "x.csv"],
        ["recipe", "show", "s3://bucket/x.toml"],
        ["push", "titanic", "s3://bucket/x"],
    ],
)
def test_a_missing_extra_is_told(
    words: list[str], sample_artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("artifacts").symlink_to(sample_artifacts)
    for module in ("obstore", "obstore.store"):
        monkeypatch.setitem(sys.modules, module, None)
    result = run(*words)
    assert result.exit_code == 1
    assert "expected  the library obstore\n" in result.output
    assert "pip install 'shardmill[cloud]'" in result.output


def test_errors_name_the_url(
    url: str, sample_artifacts: Path, model_folders: Path, tmp_path: Path
) -> None:
    push_artifact(sample_artifacts / "titanic", f"{url}/titanic")
    model = shardmill.load_model(model_folders / "mnist")
    with pytest.raises(shardmill.ModelError, match=rf"{url}/titanic: expected an artifact of kind"):
        evaluate_model(model, f"{url}/titanic", "train", cache=tmp_path / "cache")
    with pytest.raises(MissingArtifactError, match=f"{url}/none".removeprefix("file://")):
        train(f"{url}/none", tmp_path, tmp_path / "cache", {})
    with pytest.raises(SettingsError):
        train(f"{url}/titanic", tmp_path, tmp_path / "cache", {"epochs": 0})
