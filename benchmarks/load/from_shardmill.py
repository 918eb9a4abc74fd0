"""shardmill, through its own loader and through a DataLoader of the user's."""

from functools import partial
from pathlib import Path
from typing import Any

from load.case import Case
from load.contender import Contender, Pass
from load.torch_loader import plain_loader, worker_options


def _place(case: Case) -> Path:
    return Path(case.artifact)


def _open(_case: Case, place: Path) -> Any:
    import shardmill

    return shardmill.open(place, split="train")


def _open_bag(_case: Case, place: Path) -> Any:
    import shardmill

    return shardmill.open(place, split="train", layout="bag")


def _load(dataset: Any, case: Case, settings: Pass) -> Any:
    return dataset.loader(
        case.batch_size, shuffle=settings.shuffle, seed=settings.seed, **worker_options(settings)
    )


_SHARDMILL = partial(
    Contender,
    package="shardmill",
    imports=("shardmill.datasets.open_artifact",),  # what shardmill.open loads when first used
    place=_place,
)

CONTENDERS = (
    _SHARDMILL(name="shardmill", open=_open, load=_load),
    _SHARDMILL(name="shardmill, bag", open=_open_bag, load=_load, cases=("text",)),
    _SHARDMILL(name="shardmill, plain DataLoader", open=_open, load=plain_loader),
)
