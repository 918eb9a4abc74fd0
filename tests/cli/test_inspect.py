"""`shardmill inspect` shows a card, single rows, and rows that were left out."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import done, run
from rich.console import Console

from shardmill.cli.draw_images import draw_images
from shardmill.cli.print_card import card_lines
from shardmill.cli.visible import number, visible
from shardmill.format.describe_artifact import describe_artifact
from shardmill.format.manifest import Manifest

TREES = """
name = "trees"
kind = "tabular"
[csv]
on_bad_row = "quarantine"
max_bad_rows = 0.5
[columns]
height = { dtype = "float64", missing = "drop" }
leaf = { dtype = "str", categories = "learn", encode = "one_hot" }
kind = { dtype = "str" }
[target]
column = "kind"
classes = ["oak", "elm"]
[splits.train.csv]
path = "trees.csv"
[splits.test.csv]
path = "test.csv"
"""
ROWS = (
    "height,leaf,kind\n1.5,ro\x1b[31mund,oak\n2.25,long,elm\n,long,elm\nx,long,oak\n3,long,pine\n"
)


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    """A table with a control character in a category, two bad rows, and a dropped one."""
    (tmp_path / "trees.toml").write_text(TREES)
    (tmp_path / "trees.csv").write_text(ROWS)
    (tmp_path / "test.csv").write_text("height,leaf,kind\n4,new,oak\n5,long,oak\n")
    done("preprocess", tmp_path / "trees.toml", "--raw", tmp_path, "--out", tmp_path / "artifacts")
    return tmp_path / "artifacts" / "trees"


def card(artifact: Path, **options: Any) -> str:
    console = Console(width=80, **options)
    return "\n".join(line.plain for line in card_lines(describe_artifact(artifact), console))


def test_the_card_of_a_table(trees: Path) -> None:
    text = done("inspect", trees).stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    lines = text.splitlines()
    assert "  train        2 rows, 32 KiB in 1 shard, 1 dropped, 2 rejected" in lines
    assert "  test         2 rows, 32 KiB in 1 shard, 50.00% of leaf unknown" in lines
    assert f"  oak  {'█' * 24}     50.0%     100.0%" in lines
    assert "  leaf  <unknown>, long, ro\\x1b[31mund" in lines
    assert "  train              1  kind: expected one of oak, elm, found 'pine'" in lines
    assert "    cleaned  height 1.5, leaf ro\\x1b[31mund, kind 0" in lines
    assert "    x        [1.5, 0, 0, 1]" in lines and "    y        0 = oak" in lines


def test_json_has_the_same_facts(trees: Path) -> None:
    facts = json.loads(done("inspect", trees, "--json").stdout)
    train = facts["splits"]["train"]
    assert train["classes"] == {"y": {"oak": 1, "elm": 1}}
    assert train["dropped"] == {"height is missing": 1}
    assert sum(train["reasons"].values()) == train["rejected"] == 2
    assert facts["categories"] == {"leaf": ["<unknown>", "long", "ro\x1b[31mund"]}
    assert train["first"][1]["cleaned"] == {"height": 2.25, "leaf": "long", "kind": 1}
    assert train["first"][1]["tensors"]["y"] == {
        "dtype": "uint8",
        "shape": [],
        "values": [1],
        "class": "elm",
    }


def test_several_targets_and_several_classes_of_a_row(tmp_path: Path) -> None:
    text = TREES.replace(
        'kind = { dtype = "str" }', 'tags = { dtype = "str" }\nn = { dtype = "int64" }'
    )
    targets = '[targets]\ntags = { classes = ["a", "b"], separator = " " }\nn = {}\n'
    text = text.replace('[target]\ncolumn = "kind"\nclasses = ["oak", "elm"]\n', targets)
    (tmp_path / "trees.toml").write_text(text.replace('[splits.test.csv]\npath = "test.csv"\n', ""))
    (tmp_path / "trees.csv").write_text("height,leaf,tags,n\n1,x,a b,5\n2,y,a,7\n3,x,,8\n4,y,a,9\n")
    done("preprocess", tmp_path / "trees.toml", "--raw", tmp_path, "--out", tmp_path)
    lines = done("inspect", tmp_path / "trees").stdout.splitlines()
    assert f"  a  {'█' * 24}     75.0%" in lines and f"  b  {'█' * 8:<24}     25.0%" in lines
    assert "    y.tags   a, b" in lines and "    y.n      5" in lines
    assert "    y.tags   none of the classes" in lines


def test_one_row(trees: Path) -> None:
    text = done("inspect", trees, "--row", "train:1").stdout
    for line in ("  height                   2.25", "  leaf=long                1", "  1 = elm"):
        assert line in text.splitlines()
    assert f"{trees.parent.parent / 'trees.csv'}, line 3\n  2.25,long,elm\n" in text
    assert "test.csv, line 3\n  5,long,oak" in done("inspect", trees, "--row", "test:1").stdout
    facts = json.loads(done("inspect", trees, "--row", "1", "--json").stdout)
    assert facts["tensors"]["x"]["values"] == [2.25, 0, 1, 0]


@pytest.mark.parametrize("row", ["train:2", "none:0", "train:", "x", "train:-1"])
def test_rows_that_are_not_there(trees: Path, row: str) -> None:
    result = run("inspect", trees, "--row", row)
    assert result.exit_code == 2
    assert "is no " in result.stderr


def test_rows_that_were_left_out(trees: Path) -> None:
    text = done("inspect", trees, "--rejected").stdout
    assert "train  trees.csv, line 5\n  height: expected a finite float64, found 'x'\n" in text
    assert text.count("line") == 3
    rows = json.loads(done("inspect", trees, "--rejected", "--json").stdout)["train"]
    assert [row["line"] for row in rows] == [4, 5, 6]
    assert run("inspect", trees, "--rejected", "--row", "0").exit_code == 2


def test_none_left_out(sample_artifacts: Path) -> None:
    assert done("inspect", sample_artifacts / "titanic", "--rejected").stdout == (
        "no rows were left out\n"
    )


def test_one_artifact_is_needed_for_rows(sample_artifacts: Path) -> None:
    assert "needs one artifact" in run("inspect", sample_artifacts, "--row", "0").stderr


@pytest.mark.parametrize("name", ["titanic", "mnist", "ag_news"])
def test_samples(sample_artifacts: Path, name: str) -> None:
    text = done("inspect", sample_artifacts / name).stdout
    assert "SAMPLE DATA" in text.splitlines()[0]
    assert max(map(len, text.splitlines())) <= 80
    assert json.loads(done("inspect", sample_artifacts / name, "--json").stdout)["sample"]


def test_lengths_of_texts(sample_artifacts: Path) -> None:
    facts = describe_artifact(sample_artifacts / "ag_news")
    record = Manifest.load(sample_artifacts / "ag_news").splits["train"]
    lengths = facts["splits"]["train"]["lengths"]["x"]
    assert lengths["longest"] == record.shards[0].longest["x"]
    assert sum(step["rows"] for step in lengths["histogram"]) == record.rows
    assert lengths["mean"] == record.shards[0].values["x"] / record.rows


def test_a_shard_that_is_not_there(trees: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trees, copy)
    next(copy.glob("shards-*/train-*")).unlink()
    assert "its rows cannot be shown: " in done("inspect", copy).stdout
    assert run("inspect", copy, "--row", "0").exit_code == 5


def test_classes_beyond_what_is_listed(trees: Path) -> None:
    facts = describe_artifact(trees)
    for split in facts["splits"].values():
        split["classes"]["y"] = {f"class {n}": n for n in range(30)}
    text = "\n".join(line.plain for line in card_lines(facts, Console(width=80)))
    assert "class 19" in text and "class 20" not in text and "and 10 more classes" in text


def test_a_terminal_without_unicode(trees: Path) -> None:
    class Ascii(Console):
        encoding = "ascii"

    lines = card_lines(describe_artifact(trees), Ascii(width=80))
    assert any("#" * 24 in line.plain for line in lines)
    images = np.full((1, 1, 4, 4), 255, "uint8")
    assert all(line.plain.isascii() for line in draw_images(images, ["a"], Ascii(width=80)))


def test_images_in_colours() -> None:
    console = Console(width=80, color_system="truecolor", force_terminal=True)
    images = np.zeros((5, 3, 4, 2), "uint8")
    images[:, 0, :2] = 200  # red above, black below
    *lines, names = draw_images(images, list("abcde"), console)
    assert [line.plain for line in lines] == ["  " + "  ".join(["▀▀"] * 5)] * 2
    styles = [str(span.style) for span in lines[0].spans]
    assert styles[0] == "#c80000 on #c80000"
    assert str(lines[1].spans[0].style) == "#000000 on #000000"
    assert names.plain.split() == list("abcde")


def test_images_in_shades() -> None:
    images = np.array([[0.0, 0.5], [1.0, np.nan]]).reshape(1, 1, 2, 2).repeat(2, 2)
    *lines, _ = draw_images(images, [""], Console(width=80, color_system=None))
    assert [line.plain for line in lines] == ["   ▒", "  █ "]


def test_as_many_images_as_fit() -> None:
    images = np.zeros((8, 1, 28, 28), "uint8")
    assert all(len(line.plain) <= 80 for line in draw_images(images, ["x"] * 8, Console(width=80)))
    wide = draw_images(np.zeros((1, 1, 4, 900), "uint8"), ["x"], Console(width=20))
    assert all(len(line.plain) <= 20 for line in wide)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nan"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (1e300, "1e+300"),
        (-0.5, "-0.5"),
    ],
)
def test_numbers_of_any_size(value: float | None, text: str) -> None:
    assert number(value) == text


def test_nothing_but_what_is_printable() -> None:
    text = "a\u202eb\x00\x1b\u2028c"
    assert visible(text) == "a\\u202eb\\x00\\x1b\\u2028c"
    assert visible("x" * 10_000, 5) == "xxxx…"
