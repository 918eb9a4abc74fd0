"""The vocabularies that torchtext would make, in plain Python."""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from itertools import chain


def torchtext_vocab(
    texts: Iterable[Sequence[str]], min_freq: int, specials: Sequence[str], max_tokens: int | None
) -> list[str]:
    """What build_vocab_from_iterator and vocab() of torchtext 0.18 do, special_first."""
    counter = Counter(chain.from_iterable(texts))
    pairs = sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))
    return cut_vocab(pairs, min_freq, specials, max_tokens)


def first_seen_vocab(
    texts: Iterable[Sequence[str]], min_freq: int, specials: Sequence[str], max_tokens: int | None
) -> list[str]:
    """The same without the sort: a Counter keeps the order of first appearance."""
    counter = Counter(chain.from_iterable(texts))
    return cut_vocab([*counter.items()], min_freq, specials, max_tokens)


def cut_vocab(
    pairs: list[tuple[str, int]], min_freq: int, specials: Sequence[str], max_tokens: int | None
) -> list[str]:
    if max_tokens is not None:  # the most frequent, in the order in which they came
        kept = sorted(pairs, key=lambda p: (-p[1], p[0]))[: max_tokens - len(specials)]
        pairs = [pair for pair in pairs if pair in kept]
    ordered = OrderedDict(pairs)
    for special in specials:
        ordered.pop(special, None)
    return [*specials, *(token for token, n in ordered.items() if n >= min_freq)]
