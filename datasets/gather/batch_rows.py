"""Takes batches apart into rows, and puts batches together, whatever their `x` is.

The `x` of a batch is a tensor [b, ...], or texts: `Padded`, `Bag` or a nested tensor [b, j] of
layout torch.jagged; or it is a dict of one of these. A transform may also have made another mapping
or a tuple of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad as pad_to

from shardmill.datasets.gather.text_stack import TextStack
from shardmill.format.batch import Bag, Padded


def count_rows(x: Any) -> int:
    """Return how many rows the `x` of a batch holds."""
    if isinstance(x, Padded | Bag):
        return len(x[1])
    if isinstance(x, Mapping):
        return count_rows(next(iter(x.values())))
    return x.size(0) if is_jagged(x) else len(x)


def cut_row(x: Any, index: int) -> Any:
    """Return row `index` of the `x` of a batch."""
    if isinstance(x, Padded):
        return x.ids[index, : int(x.lengths[index])]
    if isinstance(x, Bag):
        last = index + 1 == len(x.offsets)
        stop = len(x.ids) if last else int(x.offsets[index + 1])
        return x.ids[int(x.offsets[index]) : stop]
    if isinstance(x, Mapping):
        return {name: cut_row(value, index) for name, value in x.items()}
    if isinstance(x, tuple):
        return tuple(cut_row(value, index) for value in x)
    if is_jagged(x):
        return x.values()[x.offsets()[index] : x.offsets()[index + 1]]
    return x[index]


def join_rows(
    xs: Sequence[Any], places: Tensor, stack: TextStack | None, *, made_by: str = "transforms"
) -> Any:
    """Return the `x` whose row i is row `places[i]` of several, put one after another.

    Args:
        xs: The `x` of each batch.
        places: For each row of the result, its place in the batches [b] int64.
        stack: Puts texts together; None if there are none.
        made_by: What to blame in the error.

    Raises:
        TypeError: They are no tensors, for instance since a transform made something else.

    Example:
        >>> join_rows([torch.tensor([1, 2]), torch.tensor([3])], torch.tensor([2, 0, 1]), None)
        tensor([3, 1, 2])
    """
    if all(isinstance(x, Mapping) for x in xs):
        return {
            name: join_rows([x[name] for x in xs], places, stack, made_by=made_by) for name in xs[0]
        }
    if stack is not None and all(isinstance(x, Padded) for x in xs):
        return _join_padded(xs, places, stack.padding_id)
    if stack is not None and all(isinstance(x, Bag) or is_jagged(x) for x in xs):
        return _join_flat(xs, places, stack)
    if not all(isinstance(x, Tensor) for x in xs):
        kinds = ", ".join(sorted({type(x).__name__ for x in xs}))
        raise TypeError(f"{made_by} of joined datasets return tensors, not {kinds}")
    return torch.cat(list(xs)).index_select(0, places)


def _join_padded(xs: Sequence[Padded], places: Tensor, padding_id: int) -> Padded:
    lengths = torch.cat([x.lengths for x in xs])[places]
    longest = max(x.ids.shape[1] for x in xs)
    wide = [pad_to(x.ids, (0, longest - x.ids.shape[1]), value=padding_id) for x in xs]
    return Padded(torch.cat(wide).index_select(0, places), lengths)


def _join_flat(xs: Sequence[Any], places: Tensor, stack: TextStack) -> Any:
    bags = [x if isinstance(x, Bag) else Bag(x.values(), x.offsets()[:-1]) for x in xs]
    ends = [
        torch.cat([bag.offsets[1:], torch.tensor([len(bag.ids)], device="cpu")]) for bag in bags
    ]
    lengths = torch.cat([end - bag.offsets for end, bag in zip(ends, bags, strict=True)])
    rows = torch.cat([bag.ids for bag in bags]).split_with_sizes(lengths.tolist())
    return stack([rows[place] for place in places.tolist()])


def is_jagged(x: Any) -> bool:
    """Say whether `x` is a nested tensor of layout torch.jagged."""
    return isinstance(x, Tensor) and x.layout == torch.jagged
