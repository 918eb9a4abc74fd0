"""Bad input: what stands in the way, and which file an error names."""

from pathlib import Path

import pytest
from bad_input import FOLDER, LABELS, check_refusal, edit, preprocess, put


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "raw").mkdir()
    for path, content in FOLDER.items():
        (tmp_path / path).write_bytes(content)
    return tmp_path


def test_label_outside_the_classes_names_the_labels_file(folder: Path) -> None:
    put("raw/labels", LABELS[:-1] + b"\7")(folder)
    refused = preprocess(folder, "image", folder / "out")
    check_refusal(refused, 4, folder / "raw/labels, row 1", "'7'")


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_the_place_of_the_output(folder: Path, below: str) -> None:
    # --out is a folder, or would have to be made below a file.
    out = folder / "file" / below if below else folder
    (folder / ("file" if below else "toy")).write_bytes(b"mine")
    check_refusal(preprocess(folder, "tabular", out), 7, out / "toy", "a folder that can be")


def test_a_file_in_the_place_of_the_folder_of_artifacts_is_wrong_usage(folder: Path) -> None:
    (folder / "file").write_bytes(b"mine")
    refused = preprocess(folder, "tabular", folder / "file")
    assert refused.exit_code == 2
    assert f"'{folder / 'file'}' is a file" in refused.stderr
    assert (folder / "file").read_bytes() == b"mine"


def test_a_fault_in_a_row_with_an_unclosed_quote(folder: Path) -> None:
    edit("raw/train.csv", b"blue,1", b'blue,"1')(folder)
    refused = preprocess(folder, "tabular", folder / "out")
    check_refusal(refused, 4, folder / "raw/train.csv, line 3", "")
