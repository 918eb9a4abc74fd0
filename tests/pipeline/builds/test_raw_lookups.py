"""A build looks each raw file up once, and loads the manifest once."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from shardmill.format.manifest import Manifest
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import find_sources

RECIPE = """
name = "toy"
kind = "text"
text = { columns = ["label", "body"], join = ["body"] }
target = { column = "label", classes = ["no", "yes"] }
splits.train.csv = [{ path = "many/*.csv" }, { path = "last.csv" }]
splits.validation.hold_out = { split = "train", fraction = 0.25 }
"""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    (folder / "many").mkdir(parents=True)
    for name in ("many/a.csv", "many/b.csv", "last.csv"):
        rows = "".join(f"{label},text {label}\n" for label in ("no", "yes") * 8)
        (folder / name).write_text(f"label,body\n{rows}")
    (tmp_path / "toy.toml").write_text(RECIPE)
    return folder


def preprocess(raw: Path) -> str:
    """Find the sources and build them, as the command does; return what was done."""
    sources = find_sources([str(raw.parent / "toy.toml")], raw=raw)
    (outcome,) = build_artifacts(sources, BuildOptions(out=raw.parent / "out"))
    return outcome.status


@pytest.fixture
def looked_up(raw: Path, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the file system was asked about each raw file."""
    counts: Counter[str] = Counter()
    ask = os.stat

    def counted(path: Any, *args: Any, **options: Any) -> os.stat_result:
        if isinstance(path, str | os.PathLike) and raw in Path(path).parents:
            counts[Path(path).relative_to(raw).as_posix()] += 1
        return ask(path, *args, **options)

    monkeypatch.setattr(os, "stat", counted)
    return counts


def test_what_is_up_to_date_is_looked_up_once(raw: Path, looked_up: Counter[str]) -> None:
    assert preprocess(raw) == "built"
    looked_up.clear()
    assert preprocess(raw) == "up to date"
    files = {name: n for name, n in looked_up.items() if name.endswith(".csv")}
    assert files == {"many/a.csv": 1, "many/b.csv": 1, "last.csv": 1}


def test_the_manifest_is_loaded_once(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    load = Manifest.load.__func__  # type: ignore[attr-defined]

    def counted(cls: type[Manifest], artifact: Any) -> Manifest:
        loaded.append(artifact)
        manifest: Manifest = load(cls, artifact)
        return manifest

    monkeypatch.setattr(Manifest, "load", classmethod(counted))
    assert preprocess(raw) == "built"
    assert preprocess(raw) == "up to date"
    assert len(loaded) == 2  # once in each of the two builds
