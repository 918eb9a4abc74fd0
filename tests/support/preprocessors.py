"""What the tests of preprocessor share."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from fit_rows import fit_preprocessor
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from shardmill.kinds.find_kind import find_kind
from shardmill.kinds.text import fitted_with
from shardmill.raw.image_table import image_table
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.recipe.text_recipe import TextRecipe
from shardmill.serve.preprocessor import Preprocessor
from shardmill.text.vocab import Vocab

TABULAR = parse_recipe(
    """
    name = "trees"
    kind = "tabular"
    [columns]
    id = { dtype = "int64", drop = true }
    old = { dtype = "int64" }
    rings = { dtype = "int64", missing = "keep" }
    height = { dtype = "float64", missing = "median" }
    kind = { dtype = "str", map = { oak = 0, fir = 1 }, missing = "drop" }
    [target]
    column = "old"
    classes = ["no", "yes"]
    [splits.train.csv]
    path = "train.csv"
    """,
    where="here",
)


IMAGE = parse_recipe(
    """
    name = "leaves"
    kind = "image"
    [target]
    classes = ["oak", "fir"]
    [splits.train]
    images = { path = "images" }
    labels = { path = "labels" }
    """,
    where="here",
)


TEXT = parse_recipe(
    """
    name = "notes"
    kind = "text"
    [text]
    columns = ["class", "title", "body"]
    join = ["title", "body"]
    clean = ["alphanumeric", "lowercase"]
    [target]
    column = "class"
    classes = ["a", "b"]
    first = 1
    [splits.train.csv]
    path = "notes.csv"
    """,
    where="here",
)


def string_table(**columns: Sequence[str | None]) -> pa.Table:
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


TREES = string_table(
    id=["1", "2", "3", "4"],
    old=["yes", "no", "no", "yes"],
    rings=["90", None, "5", "7"],
    height=["30", "2", None, "4"],
    kind=["oak", "fir", "fir", None],  # the last row is dropped
)


PIXELS = np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4)


LEAVES = image_table(PIXELS, label=pa.array([1, 0, 1], pa.uint8()))


NOTES = string_table(**{"class": ["1", "2"], "title": ["Tea", "The tea"], "body": ["!", "is hot."]})


def fit(recipe: AnyRecipe, raw: pa.Table) -> tuple[Preprocessor, pa.Table]:
    table = find_kind(recipe).clean(recipe, raw, labelled=True).table
    return fit_preprocessor(recipe, iter([table])), table


def same(found: object, expected: list[Any], dtype: torch.dtype = torch.float32) -> None:
    assert isinstance(found, torch.Tensor)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=dtype), equal_nan=True)


# Serving

TREE_ROWS: list[dict[str, Any]] = [
    {"rings": 90, "height": 30.5, "kind": "oak"},
    {"rings": None, "height": None, "kind": "fir"},
    {"rings": math.nan, "height": math.nan, "kind": "fir"},
    {"rings": "7", "height": "-2e1", "kind": "oak"},
]


TREE_TENSOR = [[90, 30.5, 0], [math.nan, 16, 1], [math.nan, 16, 1], [7, -20, 0]]


def own_tokenizer() -> Preprocessor:
    # Columns are joined with spaces, which this tokenizer makes ids of.
    tokenizer = Tokenizer(models.WordLevel({"?": 0, "a": 1, " ": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    recipe = parse_recipe(
        """
        name = "own"
        kind = "text"
        text = { columns = ["a", "b"], join = ["a", "b"], tokenizer_file.path = "t" }
        splits.train.csv.path = "t"
        """,
        where="here",
    )
    assert isinstance(recipe, TextRecipe)
    vocab = Vocab(["?", "a", " "], default_index=0)
    return Preprocessor(recipe, fitted_with(recipe, vocab, "?", None, tokenizer.to_str()))
