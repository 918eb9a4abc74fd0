"""tensordict: memory-mapped tensors, whole batches by `__getitems__`."""

from operator import itemgetter
from pathlib import Path
from typing import Any

import torch
from load.case import Case, dense_tensors
from load.contender import Contender, Pass, peer_place
from load.from_memory import trim
from load.torch_loader import plain_loader, same
from torch import Tensor


def _write(case: Case, place: Path) -> None:
    from tensordict import TensorDict

    x, lengths = dense_tensors(case)
    columns = {"x": torch.from_numpy(x), "y": torch.from_numpy(case.array("y"))}
    if case.is_text:
        columns["lengths"] = torch.from_numpy(lengths)
    TensorDict(columns, batch_size=[case.rows]).memmap(str(place))


def _open(_case: Case, place: Path) -> Any:
    from tensordict import TensorDict

    return TensorDict.load_memmap(str(place))


def _trim_dict(batch: Any) -> dict[str, Tensor]:
    x, y = trim([batch["x"], batch["y"], batch["lengths"]])
    return {"x": x, "y": y}


def _load(dataset: Any, case: Case, settings: Pass) -> Any:
    return plain_loader(dataset, case, settings, collate=_trim_dict if case.is_text else same)


CONTENDERS = (
    Contender(
        name="tensordict, memory-mapped",
        package="tensordict",
        imports=("tensordict",),
        place=peer_place("tensordict"),
        open=_open,
        load=_load,
        labels=itemgetter("y"),
        write=_write,
    ),
)
