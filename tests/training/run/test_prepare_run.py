"""A run hands on what it has read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shardmill import Manifest
from shardmill.training.run.train_artifact import train_artifact


def test_a_run_loads_the_manifest_once(
    sample_artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    load: Callable[[Any], Manifest] = Manifest.load

    def counted(artifact: Any) -> Manifest:
        loaded.append(artifact)
        return load(artifact)

    monkeypatch.setattr(Manifest, "load", counted)
    train_artifact(sample_artifacts / "titanic", tmp_path, epochs=1)
    assert loaded == [sample_artifacts / "titanic"]
