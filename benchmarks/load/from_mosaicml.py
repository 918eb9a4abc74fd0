"""mosaicml streaming: MDS files, read by its own dataset in torch's DataLoader.

It pins a version of numpy, so it has an environment of its own, without shardmill.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from load.case import Case, rows_between
from load.contender import MOSAICML, Contender, Pass, peer_place
from load.torch_loader import collate_of, worker_options
from torch.utils.data import DataLoader


def _streaming() -> Any:
    from load import streaming_module

    return streaming_module


def _write(case: Case, place: Path) -> None:
    x = case.array("ids" if case.is_text else "x")
    shape = "" if case.is_text else ":" + ",".join(map(str, x.shape[1:]))
    columns = {"x": f"ndarray:{x.dtype.name}{shape}", "y": "int64"}
    with _streaming().MDSWriter(out=str(place), columns=columns) as writer:
        for row, label in rows_between(case, 0, case.rows):
            writer.write({"x": row, "y": np.int64(label)})


class _Opened:
    """A dataset for one number of workers at a time.

    One that was read in its process cannot be read by workers afterwards: they wait for locks of
    that process. And a second one over the same files is refused while the first is there.
    """

    def __init__(self, case: Case, place: Path) -> None:
        self._case = case
        self._place = place
        self._workers = 0
        self._dataset = self._new()

    def _new(self) -> Any:
        streaming = _streaming()
        return streaming.StreamingDataset(local=str(self._place), batch_size=self._case.batch_size)

    def for_pass(self, settings: Pass) -> Any:
        """Return the dataset, ready for an epoch."""
        if settings.workers != self._workers:
            self._dataset = None  # its end frees what the next one needs
            self._dataset = self._new()
            self._workers = settings.workers
        self._dataset.shuffle = settings.shuffle  # both are read at the start of an epoch
        self._dataset.shuffle_seed = settings.seed
        return self._dataset


class _Collate:
    """A collate function for its rows, which are dicts."""

    def __init__(self, case: Case) -> None:
        self._collate = collate_of(case)

    def __call__(self, rows: Sequence[dict[str, Any]]) -> Any:
        return self._collate([(row["x"], row["y"]) for row in rows])


def _load(opened: _Opened, case: Case, settings: Pass) -> Any:
    return DataLoader(
        opened.for_pass(settings),
        batch_size=case.batch_size,
        collate_fn=_Collate(case),
        **worker_options(settings),
    )


CONTENDERS = (
    Contender(
        name="mosaicml streaming",
        package="mosaicml-streaming",
        imports=("load.streaming_module",),
        place=peer_place("mosaicml"),
        open=_Opened,
        load=_load,
        write=_write,
        environment=MOSAICML,
    ),
)
