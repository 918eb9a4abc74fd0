"""Rows as bytes, for peers that store records: the label, 8 bytes, then the values of `x`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from load.case import Case, rows_between
from load.torch_loader import pad_flat
from torch import Tensor

LABEL_BYTES = 8


def records_between(case: Case, start: int, stop: int) -> Iterator[bytes]:
    """Yield the record of each row."""
    for x, y in rows_between(case, start, stop):
        yield y.to_bytes(LABEL_BYTES, "little") + x.tobytes()


@dataclass(frozen=True, slots=True)
class RecordFormat:
    """What is in a record; its methods are those that loaders send to their workers.

    Attributes:
        dtype: numpy's, of `x`.
        shape: of one row; () for ids of any number.
        padding_id: what fills a batch of ids up.
    """

    dtype: str
    shape: tuple[int, ...]
    padding_id: int

    def row(self, record: bytes) -> tuple[np.ndarray[Any, Any], np.int64]:
        """Return one record as `(x, y)`."""
        x = np.frombuffer(record, self.dtype, offset=LABEL_BYTES)
        return x.reshape(self.shape or -1), np.frombuffer(record, np.int64, count=1)[0]

    def batch(self, records: Sequence[bytes]) -> tuple[Tensor, Tensor]:
        """Return records as `x` [b, ...], for text padded to the longest, and `y` [b]."""
        lengths = torch.tensor([len(record) for record in records])
        flat = torch.frombuffer(bytearray().join(records), dtype=torch.uint8)
        if self.shape:
            padded = flat.view(len(records), -1)
        else:
            # Four bytes at a time: the ids are int32, and the label is two of them.
            words = pad_flat(flat.view(torch.int32), lengths // 4, padding_id=self.padding_id)
            padded = words.view(torch.uint8)
        y = padded[:, :LABEL_BYTES].contiguous().view(torch.int64).squeeze(1)
        x = padded[:, LABEL_BYTES:].contiguous().view(_torch_dtype(self.dtype))
        return x.view(len(records), *(self.shape or (-1,))), y


def record_format(case: Case) -> RecordFormat:
    """Return the format of a case's records."""
    x = case.array("ids" if case.is_text else "x")
    return RecordFormat(x.dtype.name, x.shape[1:], case.padding_id)


def _torch_dtype(name: str) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, name)
    return dtype
