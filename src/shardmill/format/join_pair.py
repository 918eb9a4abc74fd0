"""Joins two texts of a row into one, as models that read both at once want them."""

from typing import NamedTuple

import torch
from torch import Tensor

from shardmill.format.batch import Padded


class JoinedPair(NamedTuple):
    """Two texts of each row as one, filled up to the longest.

    Attributes:
        ids: The ids [batch, longest] of `start`, the first text, `end`, the second text and `end`,
            and the padding id past the end of each row.
        lengths: The length of each row, [batch] int64.
        types: Which text an id belongs to: 1 for the second one and the `end` after it, else 0,
            [batch, longest] in the dtype of `ids`.
    """

    ids: Tensor
    lengths: Tensor
    types: Tensor


def join_pair(
    first: Padded,
    second: Padded,
    *,
    start: int | None,
    end: int,
    padding_id: int,
    max_tokens: int | None = None,
) -> JoinedPair:
    """Return two texts of each row as one, such as `[CLS] a b c [SEP] d e [SEP]`.

    Args:
        first: The first texts.
        second: The second texts of the same rows.
        start: The id that stands before both, such as that of [CLS]; None for none.
        end: The id that stands after each of them, such as that of [SEP].
        padding_id: The id past the end of a row.
        max_tokens: How many ids a row has at most; None for no limit. The longer text is cut first,
            by the rule `longest_first` of Hugging Face `tokenizers`.

    Raises:
        ValueError: The texts are not of the same rows, or `max_tokens` has no room for the ids
            around them.

    Example:
        >>> a = Padded(torch.tensor([[5, 6, 7]]), torch.tensor([3]))
        >>> b = Padded(torch.tensor([[8, 9]]), torch.tensor([2]))
        >>> joined = join_pair(a, b, start=2, end=3, padding_id=0, max_tokens=7)
        >>> joined.ids.tolist(), joined.types.tolist()
        ([[2, 5, 6, 3, 8, 9, 3]], [[0, 0, 0, 0, 1, 1, 1]])
    """
    if len(first.lengths) != len(second.lengths):
        raise ValueError(f"{len(first.lengths)} first texts and {len(second.lengths)} second ones")
    before = 0 if start is None else 1
    lengths = first.lengths, second.lengths
    if max_tokens is not None:
        if max_tokens < before + 2:
            raise ValueError(f"max_tokens must be at least {before + 2}, not {max_tokens}")
        lengths = _cut(*lengths, max_tokens - before - 2)
    middle = before + lengths[0]  # the place of the `end` between the texts, [b]
    total = middle + lengths[1] + 2
    longest = int(total.max()) if len(total) else 0
    places = torch.arange(longest, device=first.ids.device).expand(len(total), -1)  # [b, longest]
    of_second = places > middle[:, None]
    ids = torch.full_like(places, padding_id, dtype=first.ids.dtype)
    ids = _filled(ids, first.ids, places - before, lengths[0])
    ids = _filled(ids, second.ids, places - middle[:, None] - 1, lengths[1])
    ids[(places == middle[:, None]) | (places == total[:, None] - 1)] = end
    if start is not None:
        ids[:, :1] = start
    return JoinedPair(ids, total, (of_second & (places < total[:, None])).to(ids.dtype))


def _cut(first: Tensor, second: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Return the lengths [b] that two texts keep, which have at most so many tokens together."""
    short, long = torch.minimum(first, second), torch.maximum(first, second)
    rest = (most - short).clamp(max=long)
    # If no text is short enough to be kept whole, each gets a half, and the longer one the odd one.
    half = short > most // 2
    short, rest = short.where(~half, most // 2), rest.where(~half, most - most // 2)
    is_whole = first + second <= most
    longer_first = first > second
    kept = rest.where(longer_first, short), short.where(longer_first, rest)
    return first.where(is_whole, kept[0]), second.where(is_whole, kept[1])


def _filled(ids: Tensor, texts: Tensor, places: Tensor, lengths: Tensor) -> Tensor:
    """Return `ids` [b, longest] with the ids of texts where `places` in a text are its own."""
    if not texts.shape[1]:
        return ids
    found = texts.gather(1, places.clamp(0, texts.shape[1] - 1))
    return found.where((places >= 0) & (places < lengths[:, None]), ids)
