"""litdata: chunks written by `optimize`, read by its own dataset and loader.

Rows are numpy arrays, which its default decoding window reads faster than tensors. Its shuffle
orders chunks, then blocks of 256 rows, then rows within a block: less than a whole permutation.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from load.case import Case, case_from_json, rows_between
from load.contender import Contender, Pass, peer_place
from load.torch_loader import collate_of, worker_options

# Small enough that two workers have chunks each.
_PARTS = 8


def _rows_of_part(part: int, case_json: str) -> Iterator[tuple[np.ndarray[Any, Any], int]]:
    case = case_from_json(case_json)
    yield from rows_between(case, case.rows * part // _PARTS, case.rows * (part + 1) // _PARTS)


def _write(case: Case, place: Path) -> None:
    import litdata

    litdata.optimize(
        fn=partial(_rows_of_part, case_json=case.to_json()),
        inputs=list(range(_PARTS)),
        output_dir=str(place),
        chunk_size=-(-case.rows // _PARTS),
        num_workers=1,
        verbose=False,
    )


def _open(_case: Case, place: Path) -> Any:
    import litdata

    return litdata.StreamingDataset(str(place))


def _load(dataset: Any, case: Case, settings: Pass) -> Any:
    import litdata

    dataset.seed = settings.seed
    return litdata.StreamingDataLoader(
        dataset,
        batch_size=case.batch_size,
        shuffle=settings.shuffle,
        collate_fn=collate_of(case),
        **worker_options(settings),
    )


CONTENDERS = (
    Contender(
        name="litdata",
        package="litdata",
        imports=("litdata",),
        place=peer_place("litdata"),
        open=_open,
        load=_load,
        write=_write,
    ),
)
