"""A small dataset for commands."""

from pathlib import Path

import pytest
from commands import Toy


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)
