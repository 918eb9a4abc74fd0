"""A saved model at a URL is that model: pushed, pulled, loaded, and never a mixture of two."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from commands import done, run
from object_servers import Faults, range_server

import shardmill
from shardmill import (
    CredentialsError,
    DamagedFileError,
    FormatVersionError,
    ManifestError,
    MissingArtifactError,
    OutputError,
    PublishedMeanwhileError,
    UnsupportedStorageError,
)
from shardmill.serve import push_model as pushing
from shardmill.serve.pull_model import pull_model
from shardmill.serve.push_model import push_model
from shardmill.store import publish
from shardmill.store.cache_folder import clear_cache, list_cache
from shardmill.store.open_store import open_store
from shardmill.store.pull_artifact import pull_artifact
from shardmill.training.saved.save_model import Description, save_model
from shardmill.training.settings.settings import BASELINES


@pytest.fixture(params=["folder", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return str(request.getfixturevalue("s3"))
    return (tmp_path / "there").as_uri()


@pytest.fixture
def other(model_folders: Path, sample_artifacts: Path, tmp_path: Path) -> Path:
    """Another model of the Titanic than that of `model_folders`, of the same size."""
    module = shardmill.load_model(model_folders / "titanic").module
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(1)
    dataset = shardmill.open(sample_artifacts / "titanic")
    save_model(tmp_path / "other", module, dataset, Description(BASELINES["tabular"], {}))
    return tmp_path / "other"


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


PASSENGER: dict[str, object] = {
    "Pclass": 3,
    "Sex": "male",
    "Age": None,
    "SibSp": 0,
    "Parch": 0,
    "Fare": 7.25,
    "Embarked": "S",
}


def test_what_was_pushed_is_loaded_and_pulled(
    url: str, model_folders: Path, tmp_path: Path
) -> None:
    for name in ("titanic", "mnist", "ag_news"):
        pushed = push_model(model_folders / name, f"{url}/{name}")
        assert (pushed.status, pushed.files) == ("pushed", len(content(model_folders / name)) - 1)
        again = push_model(model_folders / name, f"{url}/{name}/")
        assert (again.status, again.files, again.bytes) == ("up to date", 0, 0)
        forced = push_model(model_folders / name, f"{url}/{name}", force=True)
        assert (forced.status, forced.files) == ("up to date", pushed.files)
        model = shardmill.load_model(f"{url}/{name}", cache=tmp_path / "cache")
        own = shardmill.load_model(model_folders / name)
        assert (model.facts, model.where) == (own.facts, f"{url}/{name}")
        for key, tensor in own.module.state_dict().items():
            assert torch.equal(model.module.state_dict()[key], tensor)
        assert content(model.folder) == content(model_folders / name)
        folder = pull_model(f"{url}/{name}", tmp_path / "runs")
        assert folder == tmp_path / "runs" / name / "model"
        assert content(folder) == content(model_folders / name)
        assert pull_model(f"{url}/{name}", tmp_path / "runs") == folder
        assert [path.name for path in folder.parent.iterdir()] == ["model"]
    own = shardmill.load_model(model_folders / "titanic")
    model = shardmill.load_model(f"{url}/titanic", cache=tmp_path / "cache")
    assert torch.equal(model.predict([PASSENGER]), own.predict([PASSENGER]))


def test_a_preprocessor_comes_from_an_artifact_or_a_model(
    url: str, model_folders: Path, sample_artifacts: Path, tmp_path: Path
) -> None:
    done("push", sample_artifacts / "ag_news", f"{url}/artifact")
    push_model(model_folders / "ag_news", f"{url}/model")
    own = shardmill.Preprocessor.load(sample_artifacts / "ag_news")
    cache = tmp_path / "cache"
    for place in (f"{url}/artifact", f"{url}/model"):
        found = shardmill.Preprocessor.load(place, cache=cache)
        assert found.fitted.vocab == own.fitted.vocab
        assert found(["Stocks fell."]).ids.tolist() == own(["Stocks fell."]).ids.tolist()  # type: ignore[union-attr]
    dataset = shardmill.open(f"{url}/artifact", cache=cache)
    assert dataset.preprocessor.fitted.vocab == own.fitted.vocab
    facts, _ = shardmill.read_model(f"{url}/model", cache=cache)
    assert facts.trained_on.name == "ag_news"
    with pytest.raises(MissingArtifactError, match=r"an artifact, which has a manifest\.json"):
        shardmill.Preprocessor.load(f"{url}/nothing", cache=cache)


def test_the_url_of_a_run_stands_for_its_model(
    url: str, model_folders: Path, tmp_path: Path
) -> None:
    push_model(model_folders / "titanic", f"{url}/titanic/model")
    folder = shardmill.bring_model(f"{url}/titanic", tmp_path / "cache")
    assert content(folder) == content(model_folders / "titanic")
    with pytest.raises(MissingArtifactError, match=r"expected a model, which has a model\.json"):
        shardmill.load_model(f"{url}/mnist", cache=tmp_path / "cache")


def test_another_model_is_another_folder(
    url: str, model_folders: Path, other: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    push_model(model_folders / "titanic", url)
    first = shardmill.bring_model(url, cache)
    assert push_model(other, url).status == "pushed"
    second = shardmill.bring_model(url, cache)
    assert first != second
    assert content(first) == content(model_folders / "titanic")
    assert content(second) == content(other)
    (cached,) = list_cache(cache)
    assert cached.url == url.rstrip("/")
    assert clear_cache(cache, [url]) == [cached]
    assert shardmill.bring_model(url, cache) == second


def test_a_file_that_is_missing_in_the_cache_comes_again(
    model_folders: Path, tmp_path: Path
) -> None:
    url = (model_folders / "titanic").as_uri()
    folder = shardmill.bring_model(url, tmp_path / "cache")
    (folder / "model.safetensors").unlink()
    assert content(shardmill.bring_model(url, tmp_path / "cache")) == content(
        model_folders / "titanic"
    )


def test_half_of_a_new_model_is_an_error(
    url: str, model_folders: Path, other: Path, tmp_path: Path
) -> None:
    push_model(model_folders / "titanic", url)
    store = open_store(url)
    store.put("model.safetensors", other / "model.safetensors")  # its model.json is on its way
    with pytest.raises(DamagedFileError, match="as another model may be on its way there"):
        shardmill.load_model(url, cache=tmp_path / "cache")
    with pytest.raises(DamagedFileError, match="another model may be"):
        pull_model(url, tmp_path / "runs")
    assert not (tmp_path / "runs" / "titanic" / "model").exists()
    assert push_model(model_folders / "titanic", url, force=True).files
    assert shardmill.load_model(url, cache=tmp_path / "cache").classes == ("Dead", "Survived")


def test_of_two_that_push_one_wins(
    url: str, model_folders: Path, other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = publish.send_files

    def overtaken(*given: object) -> None:
        monkeypatch.setattr(pushing, "send_files", real)
        push_model(other, url)
        real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(pushing, "send_files", overtaken)
    checksum = shardmill.load_model(other).facts.checksum
    with pytest.raises(PublishedMeanwhileError, match=f"found the model {checksum} of titanic"):
        push_model(model_folders / "titanic", url)
    assert push_model(model_folders / "titanic", url, force=True).status == "pushed"
    folder = shardmill.bring_model(url, tmp_path / "cache")
    assert content(folder) == content(model_folders / "titanic")


def test_what_is_no_model(model_folders: Path, sample_artifacts: Path, tmp_path: Path) -> None:
    there = shutil.copytree(model_folders / "titanic", tmp_path / "there")
    facts = json.loads((there / "model.json").read_text())
    (there / "model.json").write_text(json.dumps({**facts, "version": 99}))
    with pytest.raises(FormatVersionError, match=r"there/model\.json.*version 99"):
        shardmill.load_model(there.as_uri(), cache=tmp_path / "cache")
    (there / "model.json").write_text("{}")
    with pytest.raises(ManifestError, match=r"there/model\.json"):
        shardmill.load_model(there.as_uri(), cache=tmp_path / "cache")
    with pytest.raises(MissingArtifactError):
        push_model(sample_artifacts / "titanic", str(tmp_path / "x"))
    model = shutil.copytree(model_folders / "titanic", tmp_path / "m")
    (model / "model.safetensors").write_bytes(b"0")
    with pytest.raises(DamagedFileError):
        push_model(model, str(tmp_path / "x"))
    assert not (tmp_path / "x" / "model.json").exists()


def test_pull_replaces_no_other_model(model_folders: Path, other: Path, tmp_path: Path) -> None:
    mine = pull_model((model_folders / "titanic").as_uri(), tmp_path)
    with pytest.raises(OutputError, match=r"expected no folder, .* found another model"):
        pull_model(other.as_uri(), tmp_path)
    assert content(mine) == content(model_folders / "titanic")
    (mine / "model.safetensors").write_bytes(b"0")  # the same model, damaged
    pull_model((model_folders / "titanic").as_uri(), tmp_path)
    assert content(mine) == content(model_folders / "titanic")


def test_loading_over_http_with_faults(model_folders: Path, tmp_path: Path) -> None:
    faults = Faults(refuse_every=3)
    with range_server(model_folders, faults) as endpoint:
        model = shardmill.load_model(f"{endpoint}/ag_news", cache=tmp_path / "cache")
    assert content(model.folder) == content(model_folders / "ag_news")
    assert faults.refused


def test_a_lost_slash_is_told(model_folders: Path, tmp_path: Path) -> None:
    for wrong in ("s3:/bucket/model", Path("s3://bucket/model")):
        with pytest.raises(MissingArtifactError, match="two slashes: s3://bucket/model"):
            shardmill.load_model(wrong)
        with pytest.raises(MissingArtifactError, match="two slashes: s3://bucket/model"):
            shardmill.open(wrong)
    with pytest.raises(UnsupportedStorageError, match="write s3://bucket/model"):
        push_model(model_folders / "titanic", "s3:/bucket/model")
    with pytest.raises(UnsupportedStorageError, match="write s3://bucket/model"):
        pull_artifact("s3:/bucket/model", tmp_path)


def test_commands_push_and_pull_models(model_folders: Path, url: str, tmp_path: Path) -> None:
    run_folder = tmp_path / "runs" / "mine"
    shutil.copytree(model_folders / "titanic", run_folder / "model")
    for given in (run_folder / "model", run_folder):
        assert ": pushed, " in done("push", given, f"{url}/{given.name}").output
    pulled = done("pull", f"{url}/model", "--out", tmp_path / "pulled")
    assert pulled.output == f"{tmp_path}/pulled/titanic/model: pulled from {url}/model\n"
    found = done("pull", f"{url}/mine", "--out", tmp_path / "pulled", "--json").output
    assert json.loads(found) == {
        "url": f"{url}/mine",
        "model": f"{tmp_path}/pulled/titanic/model",
    }
    result = run("pull", f"{url}/nothing", "--out", tmp_path / "pulled")
    assert result.exit_code == 5
    assert "an artifact, which has a manifest.json" in result.output


def test_a_model_is_pulled_where_the_bucket_cannot_be_listed(
    model_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise CredentialsError("x/manifest.json", expected="a", found="403", fix="b")

    monkeypatch.setattr("shardmill.store.pull_artifact.pull_artifact", refuse)
    url = (model_folders / "titanic").as_uri()
    done("pull", url, "--out", tmp_path / "pulled")
    assert content(tmp_path / "pulled/titanic/model") == content(model_folders / "titanic")
    result = run("pull", f"{url}/none", "--out", tmp_path / "pulled")
    assert result.exit_code == 8
    assert "manifest.json" in result.output
