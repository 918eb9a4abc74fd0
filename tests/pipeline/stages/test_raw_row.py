"""Every row of every split is found in the raw file again."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from building import build
from commands import done

from shardmill.format.manifest import Manifest
from shardmill.format.read_rows import cleaned_rows
from shardmill.pipeline.stages.raw_row import raw_row
from shardmill.recipe.load_recipe import parse_recipe

RECIPE = """
name = "t"
kind = "tabular"
csv = { on_bad_row = "quarantine", max_bad_rows = 1.0 }
target = { column = "y", classes = ["a", "b"] }

[columns]
id = { dtype = "int64" }
n = { dtype = "int64", missing = "drop" }
who = { dtype = "str", drop = true }
y = { dtype = "str" }

[splits]
train.csv = { path = "%s"%s }
"""
HOLD_OUTS = {
    "fractions": "validation.hold_out = { split = 'train', fraction = 0.2 }\n"
    "test.hold_out = { split = 'train', fraction = 0.3 }",
    "test first": "test.hold_out = { split = 'train', fraction = 0.3 }\n"
    "validation.hold_out = { split = 'train', fraction = 0.2 }",
    "groups": "validation.hold_out = { split = 'train', fraction = 0.3, group = 'who' }",
    "last": "test.hold_out = { split = 'train', fraction = 0.2, last = true }\n"
    "dev.hold_out = { split = 'train', fraction = 0.1, last = true }",
    "where": "test.csv = { path = '%s', where = { who = 'p3' } }",
}
ROWS = 90


def write_rows(path: Path) -> None:
    cells = [
        ["", "bad", str(row)][0 if row % 7 == 3 else 1 if row % 11 == 4 else 2]
        for row in range(ROWS)
    ]
    rows = [f"{row},{cells[row]},p{row % 5},{'ab'[row % 2]}" for row in range(ROWS)]
    text = "id,n,who,y\n" + "\n".join(rows) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


@pytest.mark.parametrize("hold_out", HOLD_OUTS)
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_each_row_has_its_raw_row(hold_out: str, name: str, tmp_path: Path) -> None:
    write_rows(tmp_path / name)
    taken = ", where = { who = ['p0', 'p1', 'p2', 'p4'] }" if hold_out == "where" else ""
    text = RECIPE % (name, taken) + HOLD_OUTS[hold_out].replace("%s", name)
    artifact = build(parse_recipe(text, where="t"), tmp_path, tmp_path / "out")
    manifest = Manifest.load(artifact)
    seen = 0
    for split, record in manifest.splits.items():
        assert record.rows > 0
        for row, cleaned in enumerate(cleaned_rows(artifact, record, 0, ROWS)):
            place = raw_row(artifact, manifest, split, row)
            assert place is not None
            assert (place.unit, place.number) == ("line", cleaned["id"] + 2)
            assert str(place.text).startswith(f"{cleaned['id']},{cleaned['n']},")
            seen += 1
    assert seen == ROWS - len([r for r in range(ROWS) if r % 7 == 3 or r % 11 == 4])


def test_raw_files_that_have_changed_are_not_told(tmp_path: Path) -> None:
    write_rows(tmp_path / "t.csv")
    artifact = build(parse_recipe(RECIPE % ("t.csv", ""), where="t"), tmp_path, tmp_path / "out")
    manifest = Manifest.load(artifact)
    assert raw_row(artifact, manifest, "train", 0) is not None
    (tmp_path / "t.csv").write_text("id,n,who,y\n5,6,p,a\n")
    assert raw_row(artifact, manifest, "train", 0) is None
    (tmp_path / "t.csv").unlink()
    assert raw_row(artifact, manifest, "train", 0) is None
    write_rows(tmp_path / "t.csv")
    (artifact / "build.json").unlink()
    assert raw_row(artifact, manifest, "train", 0) is None


def test_inspect_shows_it(tmp_path: Path) -> None:
    write_rows(tmp_path / "t.csv")
    artifact = build(parse_recipe(RECIPE % ("t.csv", ""), where="t"), tmp_path, tmp_path / "out")
    shown = done("inspect", artifact, "--row", "2").stdout
    assert f"{tmp_path / 't.csv'}, line 4\n  2,2,p2,a\n" in shown
    facts: Any = json.loads(done("inspect", artifact, "--row", "train:2", "--json").stdout)
    place = {"file": str(tmp_path / "t.csv"), "line": 4, "text": "2,2,p2,a"}
    assert facts["raw"]["place"] == place
    (tmp_path / "t.csv").unlink()
    assert "raw\n  t.csv\n" in done("inspect", artifact, "--row", "2").stdout


def test_raw_files_beside_which_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_rows(Path("t.csv"))
    artifact = build(parse_recipe(RECIPE % ("t.csv", ""), where="t"), Path(), tmp_path / "out")
    place = raw_row(artifact, Manifest.load(artifact), "train", 2)
    assert place is not None
    assert (str(place.file), place.number, place.text) == ("t.csv", 4, "2,2,p2,a")
