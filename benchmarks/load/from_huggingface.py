"""Hugging Face datasets: as its documentation shows it, and with everything per row taken out.

Dense rows are stored as flat lists of fixed length, which it reads faster than its Array types.
"""

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from load.case import Case
from load.contender import Contender, Pass, peer_place
from load.torch_loader import pad_flat, pad_rows, plain_loader, whole_batch_loader
from torch import Tensor


def _datasets() -> Any:
    # By its name as a string: the project has a folder of that name, and linters mistake it.
    return import_module("datasets")


def _write(case: Case, place: Path) -> None:
    import pyarrow as pa

    datasets = _datasets()
    if case.is_text:
        x = pa.LargeListArray.from_arrays(case.array("offsets"), pa.array(case.array("ids")))
        x = x.cast(pa.list_(pa.int32()))
    else:
        rows = np.array(case.array("x")).reshape(case.rows, -1)
        x = pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])
    table = pa.table({"x": x, "y": pa.array(case.array("y"))})
    datasets.Dataset(datasets.table.InMemoryTable(table)).save_to_disk(str(place))


def _open_torch(_case: Case, place: Path) -> Any:
    return _datasets().load_from_disk(str(place)).with_format("torch")


def _open_arrow(_case: Case, place: Path) -> Any:
    return _datasets().load_from_disk(str(place)).with_format("arrow")


def _pad_dicts(rows: Sequence[dict[str, Tensor]], padding_id: int) -> dict[str, Tensor]:
    x, y = pad_rows([(row["x"], row["y"]) for row in rows], padding_id)
    return {"x": x, "y": y}


def _load_torch(dataset: Any, case: Case, settings: Pass) -> Any:
    collate = partial(_pad_dicts, padding_id=case.padding_id) if case.is_text else None
    return plain_loader(dataset, case, settings, collate=collate)


def _tensors_of_table(table: Any, shape: tuple[int, ...], padding_id: int) -> dict[str, Tensor]:
    # With several chunks, combine_chunks has copied what it returns.
    x = table["x"].combine_chunks()
    values = torch.from_numpy(x.flatten().to_numpy())
    y = torch.from_numpy(table["y"].to_numpy())
    if shape:
        return {"x": values.view(len(y), *shape), "y": y}
    lengths = torch.from_numpy(x.value_lengths().to_numpy().astype(np.int64))
    return {"x": pad_flat(values, lengths, padding_id=padding_id), "y": y}


def _load_arrow(dataset: Any, case: Case, settings: Pass) -> Any:
    shape = () if case.is_text else case.array("x").shape[1:]
    collate = partial(_tensors_of_table, shape=shape, padding_id=case.padding_id)
    return whole_batch_loader(dataset, case, settings, collate=collate)


_HUGGINGFACE = partial(
    Contender,
    package="datasets",
    imports=("datasets",),
    place=peer_place("huggingface"),
    labels=itemgetter("y"),
    write=_write,
)

CONTENDERS = (
    _HUGGINGFACE(name="HF datasets, torch format", open=_open_torch, load=_load_torch),
    _HUGGINGFACE(name="HF datasets, Arrow batches", open=_open_arrow, load=_load_arrow),
)
