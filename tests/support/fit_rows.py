"""A preprocessor that is fitted to rows at hand, without an artifact."""

from collections.abc import Iterable

import pyarrow as pa

from shardmill.kinds.find_kind import find_kind
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.serve.preprocessor import Preprocessor


def fit_preprocessor(recipe: AnyRecipe, train: Iterable[pa.Table]) -> Preprocessor:
    """Return what learns from cleaned rows of the train split, read once, in order."""
    kind = find_kind(recipe)
    summaries = (kind.prepare(recipe, table)[1] for table in train)
    return Preprocessor(recipe, kind.fit(recipe, summaries))
