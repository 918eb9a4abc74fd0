"""What the tests of tabular datasets share."""

from collections.abc import Mapping
from typing import Any

import torch

from shardmill import TabularDataset

ROWS = 300


Table = TabularDataset[Any]  # its `x` is a dict of tensors, or what a transform makes of it


def same(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, Mapping):
        assert list(found) == list(expected)
        for name in expected:
            same(found[name], expected[name])
    elif isinstance(expected, tuple | list):
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    else:
        torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)
