"""The bytes of version 1 of the format do not change by accident."""

import gzip
from pathlib import Path

import pytest
from golden_build import GOLDEN, build_golden

import shardmill

# torchtext.json is no file of the format; test_torchtext_golden.py is about it.
NAMES = sorted(path.name for path in GOLDEN.iterdir() if path.name != "torchtext.json")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return build_golden(tmp_path_factory.mktemp("golden"))


def test_golden_files_are_complete(built: dict[str, bytes]) -> None:
    assert sorted(built) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_bytes_are_those_of_version_1(built: dict[str, bytes], name: str) -> None:
    golden = (GOLDEN / name).read_bytes()
    assert built[name] == (gzip.decompress(golden) if name.endswith(".gz") else golden)


def test_golden_rows_by_hand(tmp_path: Path) -> None:
    build_golden(tmp_path)
    text = shardmill.TextDataset(tmp_path / "text")
    assert text.vocab.get_itos() == [
        "<unk>",
        "<pad>",
        "it",
        "rain",
        "again",
        "rains",
        "s",
        "sun",
        "sunny",
        "été",
    ]
    assert [row.tolist() for row, _ in text] == [[3, 4, 2, 5], [7, 2, 6, 8], [], [9, 3]]
    assert [int(y) for _, y in text] == [0, 1, 1, 0]
    tabular = shardmill.TabularDataset(tmp_path / "tabular")
    assert tabular.features == ("height", "leaf")
    assert len(tabular) == 10  # of 6 oaks and 6 elms, one of every 4 each is held out
    fill = tabular.statistics["height"].fill
    assert isinstance(fill, float)
    assert 1.5 < fill < 8
    image = shardmill.ImageDataset(tmp_path / "image")
    assert image[3][0].tolist() == [[[18, 19, 20], [21, 22, 23]]]
    assert image.statistics["image"].mean == 11.5
