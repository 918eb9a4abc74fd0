"""`shardmill predict` reads a raw file at a URL as one of this machine."""

import gzip
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from building import build
from commands import done, run
from PIL import Image
from saved_models import save

from shardmill.recipe.load_recipe import parse_recipe
from shardmill.store.open_store import open_store

TREES = """
name = "trees"
kind = "tabular"
csv = { on_bad_row = "quarantine", max_bad_rows = 0.5 }
[columns]
height = { dtype = "float64", missing = "drop" }
old = { dtype = "int64", missing = "drop" }
[target]
column = "old"
classes = ["no", "yes"]
first = 0
[splits.train.csv]
path = "trees.csv"
"""


@pytest.fixture(params=["folder", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return str(request.getfixturevalue("s3"))
    return (tmp_path / "there").as_uri()


def test_a_file_at_a_url_is_predicted(
    url: str, model_folders: Path, sample_raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    raw = (sample_raw / "titanic" / "train.csv").read_bytes()
    store, model = open_store(url), model_folders / "titanic"
    store.put("new/rows.csv", raw)
    store.put("new/rows.csv.gz", gzip.compress(raw))
    expected = done("predict", model, sample_raw / "titanic" / "train.csv").output
    for name in ("rows.csv", "rows.csv.gz"):
        assert done("predict", model, f"{url}/new/{name}").output == expected
    assert not list((tmp_path / "temporary").glob("shardmill-*"))


def test_an_image_at_a_url_is_predicted(url: str, model_folders: Path, tmp_path: Path) -> None:
    pixels = np.arange(28 * 28, dtype=np.uint8).reshape(28, 28)
    Image.fromarray(pixels).save(tmp_path / "digit.png")
    open_store(url).put("digit.png", tmp_path / "digit.png")
    words = ("predict", model_folders / "mnist", "--keep", "file")
    assert done(*words, f"{url}/digit.png").output == done(*words, tmp_path / "digit.png").output


def test_errors_name_the_url(
    url: str, model_folders: Path, sample_raw: Path, tmp_path: Path
) -> None:
    first, second, *_ = (sample_raw / "titanic" / "train.csv").read_text().splitlines()
    open_store(url).put("new.csv", f"{first}\n{second}\n1,2\n".encode())
    model = model_folders / "titanic"
    result = run("predict", model, f"{url}/new.csv")
    assert result.exit_code == 4
    assert f"error: {url}/new.csv, line 3\n" in result.output
    result = run("predict", model, f"{url}/none.csv")
    assert (result.exit_code, "folders of images must be" in result.output) == (4, True)
    result = run("predict", model, "s3:/bucket/new.csv")
    assert (result.exit_code, "write s3://bucket/new.csv" in result.output) == (4, True)
    assert run("predict", model, "nowhere://bucket/new.csv").exit_code == 8


def test_bad_rows_are_listed_with_the_url(url: str, tmp_path: Path) -> None:
    (tmp_path / "trees.csv").write_text("height,old\n1,0\n2,1\n3,1\n4,0\n")
    artifact = build(parse_recipe(TREES, where="test"), tmp_path, tmp_path / "out")
    save(artifact, tmp_path / "model")
    open_store(url).put("new.csv", b"height,old\n1,\nhigh,\n3,\n")
    shutil.rmtree(artifact)
    result = run("predict", tmp_path / "model", f"{url}/new.csv", "--out", tmp_path / "p.csv")
    assert result.exit_code == 10, result.output
    assert f"  {url}/new.csv, line 3: height: expected a finite float64" in result.output
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 3
