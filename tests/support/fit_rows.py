"""What is learnt from rows at hand, without an artifact."""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from shardmill.kinds.find_kind import find_kind
from shardmill.kinds.row import Fitted
from shardmill.kinds.train_rows import FoundT, Look, TrainRows
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.serve.preprocessor import Preprocessor


def fit_rows(recipe: AnyRecipe, train: Iterable[pa.Table]) -> Fitted:
    """Return what cleaned rows of the train split teach, each table a row group of its own file."""
    kind, tables = find_kind(recipe), list(train)

    def scan(look: Look[FoundT]) -> Iterator[FoundT]:
        return (look([table.select(look.names())]) for table in tables)

    prepared = [kind.prepare(recipe, table) for table in tables]
    tokens = (each.tokens for each in prepared if each.tokens is not None)
    summary = kind.merge(recipe, (each.summary for each in prepared))
    return kind.fit(recipe, TrainRows(summary, tokens, scan))


def fit_preprocessor(recipe: AnyRecipe, train: Iterable[pa.Table]) -> Preprocessor:
    """Return what learns from cleaned rows of the train split, read once, in order."""
    return Preprocessor(recipe, fit_rows(recipe, train))
