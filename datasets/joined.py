"""Several datasets as one: one after another, or mixed in given proportions."""

import math
import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shardmill.datasets.batch_dataset import BatchDataset, Shuffle, Weights
from shardmill.errors import AgreementError

if TYPE_CHECKING:
    from shardmill.datasets.gather.row_reader import Reader
    from shardmill.datasets.order.row_order import RowOrder


class JoinedDataset(BatchDataset):
    """The rows of several datasets, numbered one dataset after another.

    Args:
        datasets: one or more, which agree in kind, fields, classes, features and vocabulary.

    Raises:
        AgreementError: they do not.
        ValueError: there is none.
    """

    def __init__(self, datasets: Sequence[BatchDataset]) -> None:
        if isinstance(datasets, BatchDataset):
            raise TypeError(f"datasets are given as a list, not {datasets!r} alone")
        self.datasets = tuple(datasets)
        if not self.datasets:
            raise ValueError("there is no dataset to join")
        self._length = sum(map(len, self.datasets))
        for dataset in self.datasets[1:]:
            _check_agreement(self.datasets[0], dataset)

    def __len__(self) -> int:
        return self._length

    def _open(self) -> "Reader":
        from shardmill.datasets.gather.joined_reader import JoinedReader

        return JoinedReader([dataset.reader for dataset in self.datasets])

    def _identity(self) -> str:
        return " + ".join(dataset._identity() for dataset in self.datasets)

    def _terms(self) -> Mapping[str, Any]:
        return self.datasets[0]._terms()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.datasets))})"


class MixedDataset(JoinedDataset):
    """Several datasets, of which a loader draws in given proportions.

    Args:
        datasets, weights: one weight, above 0, for each dataset.
        seed: of the mixture, from 0.
        rows: draws of an epoch; as many as there are rows, unless told.
    """

    def __init__(
        self,
        datasets: Sequence[BatchDataset],
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
        # Of numpy's numbers too, which neither JSON nor fractions take.
        self._weights = tuple(map(float, weights))
        self._seed = operator.index(seed)
        self._rows = len(self) if rows is None else operator.index(rows)
        if self._seed < 0 or self._rows < 0:
            raise ValueError(f"seed and rows are from 0 on, not {seed} and {rows}")

    def _row_order(self, shuffle: Shuffle, weights: Weights, *, seed: int) -> "RowOrder":
        from shardmill.datasets.order.mix_order import Mixed

        if weights is not None or shuffle not in (True, False):
            raise ValueError("a mixture draws rows at random: leave shuffle and weights out")
        sizes = [len(dataset) for dataset in self.datasets]
        return Mixed(sizes, self._weights, rows=self._rows, key=(self._seed, seed))


def concat(datasets: Sequence[BatchDataset]) -> JoinedDataset:
    """Return the rows of several datasets as those of one, numbered one after another.

    Raises:
        AgreementError: they differ in kind, fields, classes, features or vocabulary.
    """
    return JoinedDataset(datasets)


def mix(datasets: Mapping[Any, float], *, seed: int = 0, rows: int | None = None) -> MixedDataset:
    """Return datasets of which `loader` draws at random, in proportion to their weights.

    Every epoch has these proportions to the row, depends on the seeds of the mixture and of the
    loader and on its number alone, and resumes as any other. The rows that it draws from a dataset
    go on where those of the epoch before stopped: after any epoch, the numbers of times that two
    rows of a dataset were drawn differ by one at most. Indexing is that of `concat`.

    Args:
        datasets: weights by dataset; only their proportions count.
        seed: of the mixture.
        rows: draws of an epoch; as many as all datasets have rows, unless told.

    Raises:
        AgreementError: the datasets differ in kind, fields, classes, features or vocabulary.

    Example:
        >>> both = shardmill.mix({news: 0.8, reviews: 0.2}, seed=1)
        >>> for x, y in both.loader(batch_size=256): ...
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
