"""Gives a recipe with `[columns."*"]` the columns that its train split has."""

import json

from pydantic import ValidationError

from shardmill.errors import RecipeError
from shardmill.raw.raw_files import RawFiles
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.load_recipe import recipe_fix
from shardmill.recipe.splits import ROW_FORMATS
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.strict import describe_faults


def expand_columns(recipe: AnyRecipe, raw: RawFiles) -> AnyRecipe:
    """Return a recipe that names all columns.

    Args:
        recipe: A recipe from `present_recipe`.
        raw: The raw files of the recipe.

    Raises:
        RecipeError: The recipe does not fit the columns of the train split.
        InputError: The header of the train split cannot be read.
    """
    if not isinstance(recipe, TabularRecipe) or not recipe.is_open:
        return recipe
    # Imported here, since a check that a build is up to date needs no numpy.
    from shardmill.raw.column_names import column_names

    train = recipe.splits["train"]
    file = train.files()[0]
    form = next(key for key in ROW_FORMATS if train.row_files(key))
    path = raw.of(file)[0].path
    facts = recipe.facts_with_columns(column_names(form, path, recipe.csv_options(file)))
    try:
        return TabularRecipe.model_validate_json(json.dumps(facts))
    except ValidationError as error:
        raise RecipeError(
            f"{recipe.name}, with the columns of {path}",
            expected="a valid tabular recipe",
            found="; ".join(describe_faults(TabularRecipe, error)),
            fix=recipe_fix(),
        ) from None
