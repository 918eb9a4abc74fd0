"""Model folders with weights that were never trained."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

import shardmill
from shardmill import ShardDataset
from shardmill.training.models.build_model import build_model
from shardmill.training.saved.save_model import Description, save_model
from shardmill.training.settings.model_options import ModelOptions
from shardmill.training.settings.settings import BASELINES


def open_split(artifact: Path, split: str) -> ShardDataset:
    options: dict[str, Any] = {"layout": "bag"} if artifact.name == "ag_news" else {}
    dataset: ShardDataset = shardmill.open(artifact, split, **options)
    return dataset


def save(artifact: Path, folder: Path, model: ModelOptions | None = None) -> nn.Module:
    """Save a baseline with fresh weights, whose statistics of batches are not those of a start."""
    dataset = open_split(artifact, "train")
    torch.manual_seed(7)
    module = build_model(dataset, model)
    module(dataset[:64][0])  # in train mode: batch norm counts
    metrics = {"train_loss": 0.5, "other": float("nan")}
    save_model(folder, module, dataset, Description(BASELINES[dataset.kind], metrics))
    return module.eval()
