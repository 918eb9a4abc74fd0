"""Several datasets as one: one after another, or mixed in given proportions."""

import math
import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shardmill.datasets.batch_dataset import BatchDataset
from shardmill.datasets.item_types import Batch, Row, Shuffle, Weights
from shardmill.errors import AgreementError

if TYPE_CHECKING:
    from shardmill.datasets.gather.reader import Reader
    from shardmill.datasets.order.row_order import RowOrder


class JoinedDataset(BatchDataset[Row, Batch]):
    """The rows of several datasets, numbered one dataset after another.

    Args:
        datasets: One dataset or more, which agree in kind, fields, classes, features and
            vocabulary.

    Raises:
        AgreementError: The datasets do not agree.
        TypeError: A dataset is given alone instead of in a list.
        ValueError: There is no dataset.
    """

    def __init__(self, datasets: Sequence[BatchDataset[Row, Batch]]) -> None:
        if isinstance(datasets, BatchDataset):
            raise TypeError(f"datasets are given as a list, not {datasets!r} alone")
        self.datasets: tuple[BatchDataset[Row, Batch], ...] = tuple(datasets)
        if not self.datasets:
            raise ValueError("there is no dataset to join")
        self._length = sum(map(len, self.datasets))
        self._names = self.datasets[0]._names
        for dataset in self.datasets[1:]:
            _check_agreement(self.datasets[0], dataset)

    def __len__(self) -> int:
        return self._length

    def _open(self) -> "Reader":
        from shardmill.datasets.gather.joined_reader import JoinedReader

        return JoinedReader([dataset._plain_reader for dataset in self.datasets])

    def _identity(self) -> str:
        return " + ".join(dataset._identity() for dataset in self.datasets)

    def _terms(self) -> Mapping[str, Any]:
        return self.datasets[0]._terms()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.datasets))})"


class MixedDataset(JoinedDataset[Row, Batch]):
    """Several datasets from which a loader draws in given proportions.

    Args:
        datasets: One dataset or more, which agree as those of a `JoinedDataset` do.
        weights: A weight above 0 for each dataset.
        seed: The seed of the mixture, from 0.
        rows: How many rows an epoch draws; None for as many as there are.

    Raises:
        AgreementError: The datasets do not agree.
        ValueError: A weight is not above 0, a dataset has no rows, or a number is negative.
    """

    def __init__(
        self,
        datasets: Sequence[BatchDataset[Row, Batch]],
        weights: Sequence[float],
        *,
        seed: int,
        rows: int | None,
    ) -> None:
        super().__init__(datasets)
        for dataset, weight in zip(self.datasets, weights, strict=True):
            if not (math.isfinite(weight) and weight > 0):
                raise ValueError(f"the weight of {dataset} must be above 0, not {weight}")
            if not len(dataset):
                raise ValueError(f"{dataset} has no rows to draw")
        # numpy's numbers become Python's, since neither JSON nor fractions take numpy's.
        self._weights = tuple(map(float, weights))
        self._seed = operator.index(seed)
        self._rows = len(self) if rows is None else operator.index(rows)
        if self._seed < 0 or self._rows < 0:
            raise ValueError(f"seed and rows are from 0 on, not {seed} and {rows}")

    def _row_order(
        self, shuffle: Shuffle, weights: Weights, *, seed: int, nodes: int | None
    ) -> "RowOrder":
        from shardmill.datasets.order.mix_order import Mixed

        if weights is not None or shuffle not in (True, False) or nodes is not None:
            raise ValueError("a mixture draws rows at random: leave shuffle, weights and nodes out")
        sizes = [len(dataset) for dataset in self.datasets]
        return Mixed(sizes, self._weights, rows=self._rows, key=(self._seed, seed))


def concat(
    datasets: Sequence[BatchDataset[Row, Batch]],
) -> JoinedDataset[Row, Batch]:
    """Return the rows of several datasets as one dataset, numbered one dataset after another.

    Args:
        datasets: One dataset or more, made with the same recipe and opened with the same options.

    Raises:
        AgreementError: The datasets differ in kind, fields, classes, features or vocabulary.
        TypeError: A dataset is given alone instead of in a list.
        ValueError: There is no dataset.

    Example:
        >>> train = shardmill.open("artifacts/titanic")
        >>> validation = shardmill.open("artifacts/titanic", "validation")
        >>> both = shardmill.concat([train, validation])
        >>> len(both) == len(train) + len(validation)
        True
    """
    return JoinedDataset(datasets)


def mix(
    datasets: Mapping[BatchDataset[Row, Batch], float],
    *,
    seed: int = 0,
    rows: int | None = None,
) -> MixedDataset[Row, Batch]:
    """Return datasets from which `loader` draws at random, in proportion to their weights.

    Every epoch keeps these proportions to the row. It depends only on the seeds of the mixture and
    of the loader and on the number of the epoch, and it resumes like any other. An epoch goes on
    in each dataset where the epoch before stopped: after any epoch, no row of a dataset was drawn
    more than once oftener than another. Indexing works as that of `concat` does.

    Args:
        datasets: The weight of each dataset. Only the proportions of the weights count.
        seed: The seed of the mixture, from 0.
        rows: How many rows an epoch draws; None for as many as all datasets have.

    Raises:
        AgreementError: The datasets differ in kind, fields, classes, features or vocabulary.
        ValueError: A weight is not above 0, a dataset has no rows, or a number is negative.

    Example:
        >>> train = shardmill.open("artifacts/titanic")
        >>> validation = shardmill.open("artifacts/titanic", "validation")
        >>> both = shardmill.mix({train: 0.8, validation: 0.2}, seed=1, rows=100)
        >>> sum(len(y) for x, y in both.loader(batch_size=32))
        100
    """
    return MixedDataset(tuple(datasets), tuple(datasets.values()), seed=seed, rows=rows)


def _check_agreement(first: BatchDataset, other: BatchDataset) -> None:
    expected, found = first._terms(), other._terms()
    for term in {**expected, **found}:
        if expected.get(term) != found.get(term):
            raise AgreementError(
                repr(other),
                expected=f"{_stated(term, expected)}, as {first!r} has",
                found=_stated(term, found),
                fix="join datasets of the same recipe, opened with the same options",
            )


def _stated(term: str, terms: Mapping[str, Any]) -> str:
    return f"{term} {terms[term]}" if term in terms else f"no {term}"
