"""Reads an artifact or a model folder in every way that the library offers."""

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import bikes
import numpy as np
from fuzz_bases import Base
from rich.console import Console

import shardmill
from shardmill import ShardDataset
from shardmill.cli.print_card import card_lines
from shardmill.datasets.gather import mapped_split, shard_slots
from shardmill.datasets.gather.span import FEW_MAPS, can_map_spans
from shardmill.format.describe_artifact import describe_artifact
from shardmill.format.verify_artifact import verify_artifact
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources

Action = tuple[str, Callable[[], object]]
BUILDS = 0.2
TREES = [{"height": 1.5, "leaf": "round"}, {"height": None, "leaf": None}]


def rows_of(folder: Path, kind: str) -> Any:
    """Return raw rows as the recipe of an artifact or model wants them."""
    if kind == "image":
        shape = (2, 3) if (folder / "model.json").exists() or folder.name == "image" else (2, 2)
        return np.zeros((2, *shape), np.uint8)
    if folder.name.startswith("pairs"):
        return [{"topic": "T", "premise": "w1 w2", "hypothesis": ""}]
    if folder.name.startswith("wines"):
        return [{"country": "US", "price": None, "notes": "w1 w2", "label": ""}]
    if kind == "text":
        return ["a b", "", "it rains"]
    return bikes.raw_rows(2) if folder.name == "bikes" else TREES


def read_artifact(draw: random.Random, folder: Path, base: Base) -> Iterator[Action]:
    """Yield what can be done with an artifact, one thing after another."""
    kind = base.kind
    yield "verify", lambda: verify_artifact(folder)
    yield "preprocess", lambda: shardmill.Preprocessor.load(folder)(rows_of(folder, kind))
    yield "inspect", lambda: inspect(folder)
    for split in ("train", draw.choice(["validation", "bare"])):
        yield from read_split(draw, folder, split, kind)
    sources = base.sources
    if sources is not None and draw.random() < BUILDS:
        yield "build", lambda: build_again(folder, sources)


def read_split(draw: random.Random, folder: Path, split: str, kind: str) -> Iterator[Action]:
    """Yield what can be done with a split, in spans of memory or with shards in few slots."""
    in_spans = draw.random() < 0.7
    shard_slots.__dict__["FEW_MAPS"] = draw.choice([1, 2, FEW_MAPS])
    mapped_split.__dict__["can_map_spans"] = lambda: in_spans and can_map_spans()
    options: dict[str, Any] = {}
    if kind == "text":
        options["layout"] = draw.choice(["padded", "bag", "jagged"])
        options["max_tokens"] = draw.choice([None, None, 1, 3])
    opened: list[ShardDataset] = []

    def ds() -> ShardDataset:
        return opened[0]

    yield "open", lambda: opened.append(shardmill.open(folder, split, **options))
    if not opened:
        return
    yield "facts", lambda: facts_of(ds())
    yield "reader", lambda: ds().reader
    if "reader" not in vars(ds()):
        yield "numpy", lambda: touch(ds())
        return
    if len(ds()):
        yield "row", lambda: (ds()[0], ds()[-1], ds()[len(ds()) // 2])
        yield "list", lambda: ds()[[0, len(ds()) - 1, 0]]
    yield "slice", lambda: ds()[:40]
    yield "slice", lambda: ds()[len(ds()) // 3 :: 1 + len(ds()) // 50]
    shuffle: Any = draw.choice([False, True, "blocks"])
    yield "loader", lambda: list(islice(ds().loader(64, shuffle=shuffle), 40))
    if kind == "text":
        yield "bucket", lambda: list(islice(ds().loader(8, bucket=True, shuffle=True), 20))
    if ds().classes and any(field.role == "class" for field in ds().fields):
        yield "weights", lambda: list(islice(ds().loader(8, weights="balanced"), 2))
    yield "concat", lambda: list(islice(shardmill.concat([ds(), ds()]).loader(9, shuffle=True), 9))
    yield "numpy", lambda: touch(ds())


def facts_of(ds: ShardDataset) -> None:
    """Ask for everything that a dataset knows."""
    for name in ("features", "classes", "encoder", "decoder", "statistics", "fields", "labelled"):
        getattr(ds, name)
    for name in ("groups", "targets", "categories", "vocab"):
        getattr(ds, name, None)
    repr(ds)
    ds._terms()


def touch(ds: ShardDataset) -> None:
    """Read every value of the arrays of a dataset."""
    for array in ds.numpy().values():
        array.sum()


def inspect(folder: Path) -> None:
    """Describe an artifact as `shardmill inspect` does."""
    facts = describe_artifact(folder)
    list(card_lines(facts, Console()))


def build_again(folder: Path, sources: Sources) -> None:
    """Build a copy of an artifact, which finds what an earlier build has left there."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as out:
        shutil.copytree(folder, Path(out) / folder.name)
        build_artifacts(sources, BuildOptions(out=Path(out), workers=1))


def read_model(draw: random.Random, folder: Path, base: Base) -> Iterator[Action]:
    """Yield what can be done with a model folder."""
    rows = rows_of(folder, base.kind)
    yield "preprocess", lambda: shardmill.Preprocessor.load(folder)(rows)
    models: list[Any] = []
    yield "load", lambda: models.append(shardmill.load_model(folder))
    if models:
        yield "predict", lambda: (repr(models[0]), models[0].predict(rows))
