"""What the tests of load recipe share."""

import pytest

from shardmill.errors import RecipeError
from shardmill.recipe.load_recipe import (
    parse_recipe,
)

TABULAR = """
name = "trees"
kind = "tabular"
[columns]
height = { dtype = "float64", missing = "mean" }
kind = { dtype = "str", map = { oak = 0, fir = 1 } }
old = { dtype = "int64" }
[target]
column = "old"
classes = ["no", "yes"]
first = 0
[splits.train.csv]
path = "trees/train.csv"
"""


TEXT = """
name = "notes"
kind = "text"
[text]
columns = ["class", "title", "body"]
join = ["title", "body"]
[target]
column = "class"
classes = ["a", "b"]
[splits.train.csv]
path = "notes.csv"
"""


IMAGE = """
name = "leaves"
kind = "image"
[target]
classes = ["oak", "fir"]
[splits.train]
images = { path = "images" }
labels = { path = "labels" }
"""


def fault_of(text: str) -> str:
    """Return `found` of the error that `text` gives."""
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, where="r.toml")
    assert str(caught.value).startswith("r.toml: ")
    kind = next((k for k in ("image", "text") if f'kind = "{k}"' in text), "tabular")
    example = {"image": "mnist", "text": "ag_news", "tabular": "titanic"}[kind]
    said = f"correct the recipe; `shardmill recipe {example}` prints a working one"
    assert caught.value.fix == said
    return caught.value.found


def change(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)
