"""What is learnt from rows at hand, without an artifact."""

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from shardmill.kinds.find_kind import find_kind
from shardmill.kinds.row import Fitted
from shardmill.kinds.train_rows import FoundT, Look, TrainRows
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.serve.preprocessor import Preprocessor


class TablesAtHand:
    """A scan of tables, each of which stands for a file; see `Scan`."""

    def __init__(self, tables: Sequence[pa.Table]) -> None:
        self._tables = tables
        self.rows: int = sum(map(len, tables))

    def each_file(self, look: Look[FoundT]) -> Iterator[FoundT]:
        return (look([table.select(look.names())]) for table in self._tables)

    def all_files(self, looks: Iterable[Look[FoundT]]) -> Iterator[FoundT]:
        return (look(table.select(look.names()) for table in self._tables) for look in looks)


def fit_rows(recipe: AnyRecipe, train: Iterable[pa.Table]) -> Fitted:
    """Return what cleaned rows of the train split teach, each table a row group of its own file."""
    kind, tables = find_kind(recipe), list(train)

    prepared = [kind.prepare(recipe, table) for table in tables]
    tokens = (each.tokens for each in prepared if each.tokens is not None)
    summary = kind.merge(recipe, (each.summary for each in prepared))
    return kind.fit(recipe, TrainRows(summary, tokens, TablesAtHand(tables)))


def fit_preprocessor(recipe: AnyRecipe, train: Iterable[pa.Table]) -> Preprocessor:
    """Return what learns from cleaned rows of the train split, read once, in order."""
    return Preprocessor(recipe, fit_rows(recipe, train))
