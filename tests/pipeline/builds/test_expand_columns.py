"""A recipe whose column "*" stands for the columns of the train split."""

import gzip
from pathlib import Path

import pytest
from small_parts import build, cleaned

from shardmill.errors import ColumnsError, RecipeError
from shardmill.format.manifest import Manifest

RECIPE = """
name = "toy"
kind = "tabular"
target = { column = "y", classes = ["no", "yes"] }
splits.train.csv.path = "train.csv"
[columns]
id = { dtype = "int64", drop = true }
"*" = { dtype = "float64" }
city = { dtype = "str", categories = "learn" }
y = { dtype = "str" }
"""
CONTENT = "a,id,city,b,y,c\n1,7,x,2,no,3\n4,8,y,5,yes,6\n"


def raw(tmp_path: Path, content: bytes = CONTENT.encode()) -> Path:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/train.csv").write_bytes(content)
    return tmp_path / "raw"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_columns_come_where_the_star_is(tmp_path: Path, compress: type, encoding: str) -> None:
    folder = raw(tmp_path, compress(CONTENT.encode(encoding)))
    recipe = RECIPE if encoding == "utf-8" else f"csv.encoding = '{encoding}'\n{RECIPE}"
    assert build(recipe, folder, tmp_path / "out").status == "built"
    assert Manifest.load(tmp_path / "out/toy").features == ("a", "b", "c", "city")
    assert cleaned(tmp_path / "out/toy", "train").to_pydict() == {
        "a": [1.0, 4.0],
        "b": [2.0, 5.0],
        "c": [3.0, 6.0],
        "city": ["x", "y"],
        "y": [0, 1],
    }
    assert build(recipe, folder, tmp_path / "out").status == "up to date"


def test_a_star_in_a_group(tmp_path: Path) -> None:
    groups = '[groups]\nplaces = ["city"]\nnumbers = ["c", "*"]\n'
    build(RECIPE + groups, raw(tmp_path), tmp_path / "out")
    fields = {f.name: f.shape for f in Manifest.load(tmp_path / "out/toy").splits["train"].fields}
    assert fields == {"x.places": (1,), "x.numbers": (3,), "y": ()}
    assert Manifest.load(tmp_path / "out/toy").features == ("city", "c", "a", "b")


def test_the_star_is_the_target(tmp_path: Path) -> None:
    recipe = RECIPE.replace('column = "y", classes = ["no", "yes"]', 'column = "c"')
    build(
        recipe.replace('y = { dtype = "str" }', ""),
        raw(tmp_path, b"id,a,city,c\n1,2,x,3\n"),
        tmp_path / "out",
    )
    assert Manifest.load(tmp_path / "out/toy").features == ("a", "city")


def test_another_split_must_have_the_columns(tmp_path: Path) -> None:
    folder = raw(tmp_path)
    (folder / "test.csv").write_text("a,id,city,y,c\n1,7,x,no,3\n")
    with pytest.raises(ColumnsError, match=r"test\.csv, line 1: .*without b"):
        build(f'splits.test.csv.path = "test.csv"\n{RECIPE}', folder, tmp_path / "out")


DROPPED = RECIPE.replace('y = { dtype = "str" }', 'y = { dtype = "str", drop = true }')
FAULTS = [
    (DROPPED.replace('column = "y"', 'column = "z"'), "target.column: no column 'z', or it is dr"),
    (f'{RECIPE}[groups]\nn = ["z", "city", "*"]\n', "groups.n: 'z' is no feature"),
    (f'{RECIPE}[groups]\nn = ["a"]\n', r"groups: none has \*, city"),
    (f"csv.header = false\n{RECIPE}", r"columns\.\*: needs a header"),
    (RECIPE.replace('"float64"', '"float64", map = {a = 1}'), r"columns\.\*\.map: needs dtype str"),
]


@pytest.mark.parametrize(("recipe", "message"), FAULTS)
def test_faults(tmp_path: Path, recipe: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build(recipe, raw(tmp_path), tmp_path / "out")
