"""Recipes: what the shipped ones state, and how the faults of a user's one are told."""

import re
import tomllib
from pathlib import Path

import pytest
from recipe_texts import IMAGE, TABULAR, TEXT

from shardmill.errors import RecipeError
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.load_recipe import (
    STARTERS,
    load_recipe,
    parse_recipe,
    shipped_recipe_text,
    shipped_recipes,
)
from shardmill.recipe.splits import HoldOut
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.recipe.text_recipe import TextRecipe


def test_shipped_recipes() -> None:
    assert set(STARTERS) < set(shipped_recipes())
    for name in shipped_recipes():
        recipe = load_recipe(name)
        assert recipe.name == name
        facts = tomllib.loads(shipped_recipe_text(name))
        for split, table in facts["splits"].items():
            assert recipe.splits[split].optional == table.get("optional", False)
        for file in (f for split in recipe.splits.values() for f in split.files()):
            assert name.startswith(file.path.split("/")[0])  # both wines share a folder
            assert all(url.startswith("https://") for url in file.urls)
            assert file.rows or recipe.splits["test"].optional
            assert bool(file.urls) == bool(file.checksum) or name not in STARTERS


def test_titanic() -> None:
    recipe = load_recipe("titanic")
    assert isinstance(recipe, TabularRecipe)
    assert [n for n, c in recipe.columns.items() if c.drop] == [
        "PassengerId",
        "Name",
        "Ticket",
        "Cabin",
    ]
    assert recipe.features() == ("Pclass", "Sex", "Age", "SibSp", "Parch", "Fare", "Embarked")
    assert recipe.columns["Sex"].map == {"male": 0, "female": 1}
    assert recipe.columns["Embarked"].map == {"S": 0, "C": 1, "Q": 2}
    missing = {name: recipe.columns[name].missing for name in recipe.features()}
    assert {name: m for name, m in missing.items() if m != "error"} == {
        "Age": "median",
        "Fare": "median",
        "Embarked": "mode",
    }
    assert recipe.target is not None
    assert (recipe.target.column, recipe.target.first) == ("Survived", 0)
    assert recipe.target.classes == ("Dead", "Survived")
    assert list(recipe.source_splits()) == ["train", "test"]
    assert recipe.splits["validation"].hold_out == HoldOut(split="train", fraction=0.2)
    assert (recipe.splits["test"].optional, recipe.splits["test"].labelled) == (True, False)
    assert [f.rows for f in recipe.splits["train"].files()] == [891]


def test_mnist() -> None:
    recipe = load_recipe("mnist")
    assert isinstance(recipe, ImageRecipe)
    assert recipe.target is not None
    assert recipe.target.classes == tuple("0123456789")
    assert recipe.target.first == 0
    rows = {name: [f.rows for f in s.files()] for name, s in recipe.source_splits().items()}
    assert rows == {"train": [60_000, 60_000], "test": [10_000, 10_000]}
    assert recipe.splits["validation"].hold_out == HoldOut(split="train", fraction=0.1)


def test_ag_news() -> None:
    recipe = load_recipe("ag_news")
    assert isinstance(recipe, TextRecipe)
    assert recipe.target is not None
    assert recipe.target.column == "class"
    assert recipe.target.classes == ("World", "Sports", "Business", "Sci/Tech")
    assert recipe.target.first == 1
    assert not recipe.csv.header
    assert recipe.text.join == ("title", "description")
    assert recipe.text.clean == ("alphanumeric", "lowercase")
    assert recipe.text.tokenizer == "basic_english"
    assert recipe.vocabulary.specials == ("<unk>", "<pad>")
    assert {name: s.files()[0].rows for name, s in recipe.splits.items()} == {
        "train": 120_000,
        "test": 7_600,
    }


@pytest.mark.parametrize("text", [TABULAR, TEXT, IMAGE])
def test_templates_of_this_file_are_valid(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    recipe = load_recipe(str(path))
    assert recipe == parse_recipe(text, where="here")
    assert f'kind = "{recipe.kind}"' in text


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("titanc", "did you mean titanic?"),
        ("agnews", "did you mean ag_news?"),
        ("MNIST.tml", "check the name; `shardmill recipe list` names the shipped ones"),
        ("", "check the name; `shardmill recipe list` names the shipped ones"),
    ],
)
def test_unknown_name_suggests_the_closest(name: str, hint: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(name)
    assert str(caught.value) == (
        f"recipe {name!r}: expected a shipped recipe, or a path or URL that ends in .toml, "
        f"found neither; {hint}"
    )


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    match = re.escape(f"{path}: expected a readable TOML file, found [Errno 2] No such file")
    with pytest.raises(RecipeError, match=match):
        load_recipe(str(path))


def test_file_that_is_a_folder_or_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "latin.toml").write_bytes('name = "é"'.encode("latin-1"))
    for name, found in (("folder", "Is a directory"), ("latin", "can't decode byte")):
        with pytest.raises(RecipeError, match=f"{name}.toml: expected a readable.*{found}"):
            load_recipe(str(tmp_path / f"{name}.toml"))
