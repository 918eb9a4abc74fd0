"""What the baselines can learn, and what is said of the rest."""

from pathlib import Path

import numpy as np
import pytest
from building import build
from number_artifacts import ARTIFACTS, IMAGES, TABLE, TEXTS, homes

import shardmill
from shardmill import UntrainableError
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.training.models.build_model import build_model
from shardmill.training.objectives.find_task import find_task, target_name

FIX = r"train a model of your own on shardmill.open\(...\).loader\(...\)"


@pytest.mark.parametrize(
    ("name", "target"), [("homes", "price"), ("notes", "stars"), ("spots", "label")]
)
def test_a_number(tmp_path: Path, name: str, target: str) -> None:
    artifact = ARTIFACTS[name](tmp_path)
    manifest = shardmill.Manifest.load(artifact)
    assert find_task(manifest, artifact) == "number"
    assert target_name(manifest.recipe) == target


def test_a_class(sample_artifacts: Path) -> None:
    for name in ("titanic", "mnist", "ag_news"):
        artifact = sample_artifacts / name
        assert find_task(shardmill.Manifest.load(artifact), artifact) == "class"


def test_what_is_refused_is_named_as_the_recipe_has_it(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("note,a,b\n" + "x,1,0\ny,0,1\n" * 20)
    texts = TEXTS.replace('"note", "stars"', '"note", "a", "b"')
    bare = TABLE.replace('target.column = "price"', "")
    two = bare.replace("[columns]", "[targets]\nprice = {}\narea = {}\n[columns]")
    cells = 'target = { column = "a", classes = "learn", separator = ";" }'
    table = [
        (
            texts.replace('target.column = "stars"', 'target.columns = ["a", "b"]'),
            f"several classes for a row, in the columns a, b; {FIX}",
        ),
        (
            texts.replace('target.column = "stars"', cells),
            f"several classes for a row, in the target a; {FIX}",
        ),
        (two, rf"2 targets: price, area; leave only one .* under \[target\].* {FIX}"),
        (
            bare,
            rf"no target; name one under \[target\] in the recipe and build again, or {FIX}",
        ),
    ]
    homes(tmp_path)
    for number, (recipe, fault) in enumerate(table):
        artifact = build(parse_recipe(recipe, where="test"), tmp_path, tmp_path / str(number))
        with pytest.raises(UntrainableError, match=f"a number for each row, found {fault}"):
            find_task(shardmill.Manifest.load(artifact), artifact)


def test_numbers_that_are_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(encode_idx(np.zeros((9, 8, 8), "u1")))
    (tmp_path / "labels").write_bytes(encode_idx(np.full(9, 2.5, "f4")))
    artifact = build(parse_recipe(IMAGES, where="test"), tmp_path, tmp_path)
    fault = "a target of two numbers or more, found 2.5 in every row"
    with pytest.raises(UntrainableError, match=fault):
        build_model(shardmill.open(artifact))
