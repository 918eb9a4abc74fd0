"""Trains the baseline of an artifact's kind and writes what came of it."""

import json
import logging
import time
import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lightning import Trainer, seed_everything
from torch import nn
from torch.utils.data import DataLoader

import shardmill
from shardmill import Manifest, OutputError, ShardDataset
from shardmill.training.classifier import Classifier
from shardmill.training.models import build_model
from shardmill.training.save_model import save_model
from shardmill.training.settings import BASELINES, Settings

_EVALUATION_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gave; `metrics` are losses and accuracies by split."""

    name: str
    folder: Path
    sample: bool
    metrics: dict[str, float]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the result for JSON."""
        return {**asdict(self), "folder": str(self.folder)}


def train_artifact(
    artifact: Path, out: Path, *, seed: int = 0, epochs: int | None = None, bar: bool = False
) -> Result:
    """Train on the train split, evaluate on the other labelled splits, write metrics.json, model/.

    Args:
        artifact: the artifact's folder.
        out: folder of the runs; this one goes to `out`/<name of the artifact>.
        seed: of weights, order and dropout.
        epochs: passes over the train split; those of the baseline if not given.
        bar: show Lightning's progress bar.

    Raises:
        ShardmillError: the artifact cannot be read, or the baseline cannot be trained on it.
    """
    manifest = Manifest.load(artifact)
    settings = replace(BASELINES[manifest.kind], seed=seed)
    settings = settings if epochs is None else replace(settings, epochs=epochs)
    splits = {
        name: _open(artifact, name, manifest.kind)
        for name, split in manifest.splits.items()
        if split.rows and (split.labelled or name == "train")
    }
    folder = _make_folder(out / manifest.name)
    started = time.perf_counter()
    model, metrics, parameters = _fit(splits, settings, bar=bar)
    seconds = round(time.perf_counter() - started, 2)
    save_model(folder / "model", model, splits["train"], settings=settings, metrics=metrics)
    facts = {
        "artifact": str(artifact),
        "metrics": metrics,
        "name": manifest.name,
        "parameters": parameters,
        "recipe_sha256": manifest.recipe_sha256,
        "rows": {name: len(dataset) for name, dataset in splits.items()},
        "sample": manifest.sample,
        "seconds": seconds,
        "settings": settings.to_dict(),
        "shard_key": manifest.shard_key,
    }
    text = json.dumps(facts, indent=2, sort_keys=True) + "\n"
    (folder / "metrics.json").write_text(text, encoding="utf-8")
    return Result(manifest.name, folder, manifest.sample, metrics, seconds)


def _make_folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError.unwritable(path, error, fix="choose another folder with --out") from None
    return path


def _open(artifact: Path, split: str, kind: str) -> ShardDataset:
    options: dict[str, Any] = {"layout": "bag"} if kind == "text" else {}
    return shardmill.open(artifact, split, **options)


def _fit(
    splits: dict[str, ShardDataset], settings: Settings, *, bar: bool
) -> tuple[nn.Module, dict[str, float], int]:
    train = splits["train"]
    _quieten_lightning()
    seed_everything(settings.seed, verbose=False)
    loader = train.loader(settings.batch_size, shuffle=True, seed=settings.seed, drop_last=False)
    steps = settings.epochs * len(loader)
    model = Classifier(build_model(train), len(train.classes or ()), settings, steps)
    trainer = Trainer(
        max_epochs=settings.epochs,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=bar,
    )
    trainer.fit(model, loader, _evaluation_loader(splits, "validation"))
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    test = _evaluation_loader(splits, "test")
    if test is not None:
        trainer.test(model, test, verbose=False)
        metrics |= {name: float(value) for name, value in trainer.callback_metrics.items()}
    parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return model.model, metrics, parameters


def _evaluation_loader(splits: dict[str, ShardDataset], name: str) -> DataLoader[Any] | None:
    return splits[name].loader(_EVALUATION_BATCH) if name in splits else None


def _quieten_lightning() -> None:
    # Hardware listings and advice on workers, which these loaders do better without.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for message in (".*does not have many workers.*", ".*no `val_dataloader`.*"):
        warnings.filterwarnings("ignore", message=message)
    warnings.filterwarnings("ignore", category=FutureWarning, module="lightning.*")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="lightning.*")
