"""The Datasets that people write: raw files in, one row at a time.

They are those of the tests (`tests/support/oracles.py`), which shardmill's artifacts must equal.
They read the raw train file, so rows that shardmill holds out for validation are theirs too.
"""

from functools import partial
from pathlib import Path
from typing import Any

from load.case import Case
from load.contender import Contender, Pass
from load.torch_loader import pad_rows, plain_loader


def _place(case: Case) -> Path:
    folder = {"images": "mnist", "text": "ag_news", "tabular": "titanic"}[case.name]
    return Path(case.raw) / folder


def _open(case: Case, place: Path) -> Any:
    import oracles

    if case.name == "images":
        images, labels = (
            place / f"train-{what}-ubyte.gz" for what in ("images-idx3", "labels-idx1")
        )
        return oracles.PerRowMnist(images, labels)
    train = place / "train.csv"
    if case.is_text:
        return oracles.PerRowAgNews(train, train, "frequency")
    return oracles.PerRowTitanic(train)


def _load(dataset: Any, case: Case, settings: Pass) -> Any:
    collate = partial(pad_rows, padding_id=case.padding_id) if case.is_text else None
    return plain_loader(dataset, case, settings, collate=collate)


CONTENDERS = (
    Contender(
        name="per-row Dataset on raw files",
        package="torch",
        imports=("oracles",),
        place=_place,
        open=_open,
        load=_load,
    ),
)
