"""webdataset: tar files, one member for each row, batches decoded at once.

Its shuffle orders the files, then draws from a buffer of rows: less than a whole permutation.
"""

import io
import tarfile
from functools import partial
from pathlib import Path
from typing import Any

from load.case import Case
from load.contender import Contender, Pass, peer_place
from load.records import RecordFormat, record_format, records_between
from load.torch_loader import same, worker_options
from torch import Tensor
from torch.utils.data import DataLoader

# Files are what its workers share out; more of them also make its shuffle better.
_FILES = 8
_SHUFFLE_ROWS = 5_000


def _write(case: Case, place: Path) -> None:
    place.mkdir(parents=True)
    for part in range(_FILES):
        start, stop = (case.rows * (part + more) // _FILES for more in (0, 1))
        path = place / f"{part:03}.tar"
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as file:
            for row, record in enumerate(records_between(case, start, stop), start):
                member = tarfile.TarInfo(f"{row:09}.row")
                member.size = len(record)
                file.addfile(member, io.BytesIO(record))


def _open(_case: Case, place: Path) -> list[str]:
    return [str(path) for path in sorted(place.glob("*.tar"))]


def _decode(rows: list[dict[str, Any]], record: RecordFormat) -> tuple[Tensor, Tensor]:
    return record.batch([row["row"] for row in rows])


def _load(files: list[str], case: Case, settings: Pass) -> Any:
    import webdataset

    shuffled = len(files) if settings.shuffle else False
    rows = webdataset.WebDataset(files, shardshuffle=shuffled, seed=settings.seed)
    if settings.shuffle:
        rows = rows.shuffle(_SHUFFLE_ROWS, seed=settings.seed)
    decode = partial(_decode, record=record_format(case))
    batches = rows.batched(case.batch_size, collation_fn=decode)
    return DataLoader(batches, batch_size=None, collate_fn=same, **worker_options(settings))


CONTENDERS = (
    Contender(
        name="webdataset",
        package="webdataset",
        imports=("webdataset",),
        place=peer_place("webdataset"),
        open=_open,
        load=_load,
        write=_write,
    ),
)
