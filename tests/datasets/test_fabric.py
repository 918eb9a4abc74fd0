"""A loader that Lightning Fabric has set up is saved with it, and goes on where it was."""

from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from loader_cases import equal
from torch import nn

import shardmill

fabric = pytest.importorskip("lightning.fabric")
pytestmark = pytest.mark.filterwarnings("ignore")


def set_up(artifacts: Path) -> tuple[Any, Any]:
    fab = fabric.Fabric(accelerator="cpu", devices=1)
    loader = shardmill.open(artifacts / "titanic").loader(64, shuffle=True)
    return fab, fab.setup_dataloaders(loader, use_distributed_sampler=False)


def test_fabric_saves_and_loads_the_place(sample_artifacts: Path, tmp_path: Path) -> None:
    fab, loader = set_up(sample_artifacts)
    list(loader)
    epoch = iter(loader)
    list(islice(epoch, 5))
    fab.save(tmp_path / "state", {"loader": loader, "model": nn.Linear(1, 1)})
    rest = [*epoch, *loader]
    again, resumed = set_up(sample_artifacts)
    again.load(tmp_path / "state", {"loader": resumed, "model": nn.Linear(1, 1)})
    assert equal([*resumed, *resumed], rest)
