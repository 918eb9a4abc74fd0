"""Texts depend on the Unicode of the Python that cleans them, and loading says so."""

import json
import unicodedata
import warnings
from pathlib import Path

import pytest
from small_parts import RECIPE, build, csv_rows

import shardmill
from shardmill.format.manifest import Manifest


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/train.csv").write_text("".join(csv_rows(50)), encoding="utf-8")
    build(RECIPE, tmp_path / "raw", tmp_path / "out")
    return tmp_path / "out/toy"


def test_another_unicode_is_another_artifact(
    artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Manifest.load(artifact)
    assert before.vocabulary is not None
    assert before.vocabulary.unicode == unicodedata.unidata_version
    monkeypatch.setattr(unicodedata, "unidata_version", "99.0.0")
    outcome = build(RECIPE, artifact.parents[1] / "raw", artifact.parent)
    now = f"built by Unicode {before.vocabulary.unicode}, and this Python has 99.0.0"
    assert outcome.reasons["shard"] == now
    after = Manifest.load(artifact)
    assert after.vocabulary is not None
    assert after.vocabulary.unicode == "99.0.0"
    assert {after.clean_key, after.shard_key}.isdisjoint({before.clean_key, before.shard_key})


def test_a_warning_on_loading(
    artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, again = tmp_path / "saved", tmp_path / "again"
    saved.mkdir()
    again.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shardmill.Preprocessor.load(artifact).save(saved)
        shardmill.Preprocessor.load(saved)
    monkeypatch.setattr(unicodedata, "unidata_version", "99.0.0")
    for folder in (artifact, saved):
        with pytest.warns(UserWarning, match="by Unicode .*, and this Python has 99.0.0"):
            shardmill.Preprocessor.load(folder).save(again)
    # What is saved once more says by which version the artifact was built, not this Python's.
    assert unicode_of(again) == unicode_of(saved) != "99.0.0"


def unicode_of(folder: Path) -> str:
    return str(json.loads((folder / "preprocessor.json").read_bytes())["vocabulary"]["unicode"])
