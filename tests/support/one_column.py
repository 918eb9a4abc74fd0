"""A recipe of one column."""

from shardmill.recipe.load_recipe import parse_recipe
from shardmill.recipe.tabular_recipe import TabularRecipe


def one_column(column: str, more: str = "") -> TabularRecipe:
    text = f'name = "t"\nkind = "tabular"\nsplits.train.csv.path = "t"\n{more}\n[columns]\n'
    recipe = parse_recipe(f"{text}c = {{ {column} }}", where="here")
    assert isinstance(recipe, TabularRecipe)
    return recipe
