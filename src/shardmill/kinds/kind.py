"""The protocol of a kind of dataset: the seam between the kinds and everything that uses them.

Every kind is a module of this package that has the functions of `Kind`. They are pure and take
Arrow tables of any number of rows, so rows can be handled chunk by chunk in any process. Only the
small summaries that `prepare` returns are gathered in one place. A build calls the functions in
this order:

    clean             raw rows to typed rows, and the faults of the others
    prepare           cleaned rows to rows that are encoded as far as is possible before the fit,
                      a summary of them, and their tokens
    merge             summaries to one of all rows
    fit               the summary and the tokens of the train split to what is learnt from them
    encode_prepared   prepared rows and the ids of their tokens to tensors

`encode` does all of that for rows that come alone, as in a prediction.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shardmill.format.arrow_arrays import Array
from shardmill.format.layout import Field
from shardmill.format.ragged import Ragged
from shardmill.kinds.row import Cleaned, Fitted
from shardmill.kinds.train_rows import Prepared, TrainRows
from shardmill.raw.row_source import SourceColumns

RecipeT = TypeVar("RecipeT", contravariant=True)
SummaryT = TypeVar("SummaryT")

Encoded = Mapping[str, Array | Ragged]
Lookup = npt.NDArray[np.int32] | None


class Kind(Protocol[RecipeT, SummaryT]):
    """The functions of a kind of dataset."""

    def needs_lookups(self, recipe: RecipeT) -> bool:
        """Say whether the rows of every split have tokens that are looked up.

        If not, only the rows of the train split are prepared.
        """
        ...

    def source_columns(self, recipe: RecipeT) -> SourceColumns:
        """Return the columns that raw files of this recipe have, and what each is for."""
        ...

    def plain_columns(self, recipe: RecipeT) -> tuple[str, ...]:
        """Return the columns of cleaned rows whose values hardly repeat.

        Parquet stores them without a dictionary.
        """
        ...

    def clean(self, recipe: RecipeT, raw: pa.Table, *, labelled: bool) -> Cleaned:
        """Return the typed rows of a raw table, and the faults of the rows that are not in it."""
        ...

    def prepare(
        self, recipe: RecipeT, cleaned: pa.Table, before: SummaryT | None = None
    ) -> Prepared[SummaryT]:
        """Return rows encoded as far as is possible before the fit, with what is known of them.

        `before` is the summary of other rows that the one of these will be merged with.
        """
        ...

    def merge(self, recipe: RecipeT, summaries: Iterable[SummaryT]) -> SummaryT:
        """Return the summary of all rows together, also of none."""
        ...

    def fit(self, recipe: RecipeT, train: TrainRows[SummaryT]) -> Fitted:
        """Return what is learnt from the train rows. It does not depend on how they were cut."""
        ...

    def encode_prepared(
        self, recipe: RecipeT, fitted: Fitted, prepared: pa.Table, lookup: Lookup
    ) -> Encoded:
        """Return the input fields of prepared rows, by field name.

        `lookup` has the ids of the tokens that the rows came with, if there are tokens.
        """
        ...

    def encode(self, recipe: RecipeT, fitted: Fitted, cleaned: pa.Table) -> Encoded:
        """Return the input fields of cleaned rows, by field name."""
        ...

    def unknown(
        self, recipe: RecipeT, fitted: Fitted, prepared: pa.Table, encoded: Encoded
    ) -> Mapping[str, int]:
        """Return how many values of prepared rows are unknown to what was learnt, by feature.

        Features that cannot have such values are not named. `encoded` is what `encode_prepared`
        made of the rows.
        """
        ...

    def targets(self, recipe: RecipeT) -> tuple[Field, ...]:
        """Return the target fields."""
        ...

    def target_columns(self, recipe: RecipeT) -> tuple[str, ...]:
        """Return the columns of cleaned rows that hold the target fields, in their order."""
        ...

    def label_column(self, recipe: RecipeT) -> str | None:
        """Return the column of cleaned rows with the class that hold-outs are stratified by."""
        ...

    def clean_given(self, recipe: RecipeT, fitted: Fitted, rows: Any) -> Cleaned:
        """Return the cleaned rows of what a program gives instead of a raw file."""
        ...


# A caller of `find_kind` does not know which kind it gets, nor what its summaries are.
AnyKind = Kind[Any, Any]
