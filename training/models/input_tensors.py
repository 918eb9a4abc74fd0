"""Takes the `x` of a batch apart into tensors, and puts it together again."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from shardmill.format.batch import Bag


def input_tensors(x: Any) -> dict[str, Tensor]:
    """Return the tensors of the `x` of a batch by name.

    A tensor is called `x`, those of a `Bag` `ids` and `offsets`. In a dict, tensors are called by
    their group, and those of a `Bag` `<group>.ids` and `<group>.offsets`.
    """
    if isinstance(x, Bag):
        return x._asdict()
    if not isinstance(x, Mapping):
        return {"x": x}
    tensors: dict[str, Tensor] = {}
    for group, part in x.items():
        named = input_tensors(part)
        tensors |= {group if n == "x" else f"{group}.{n}": t for n, t in named.items()}
    return tensors


def input_of(like: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Return the `x` that is made of the same tensors as `like`, undoing `input_tensors`."""
    if isinstance(like, Bag):
        return Bag(tensors["ids"], tensors["offsets"])
    if not isinstance(like, Mapping):
        return tensors["x"]
    return {
        group: Bag(tensors[f"{group}.ids"], tensors[f"{group}.offsets"])
        if isinstance(part, Bag)
        else tensors[group]
        for group, part in like.items()
    }
