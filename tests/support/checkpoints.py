"""Compares the checkpoints of runs, bit for bit."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def state(folder: Path) -> dict[str, Any]:
    """Return what a run's last checkpoint has of weights, optimiser, schedule and place."""
    path = folder / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True, map_location="cpu")
    names = ("state_dict", "optimizer_states", "lr_schedulers", "global_step", "epoch")
    return {name: checkpoint[name] for name in names}


def same_bits(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_bits(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same_bits, a, b))
    if isinstance(a, Tensor):
        return bool(a.dtype == b.dtype and a.numpy().tobytes() == b.numpy().tobytes())
    return bool(a == b)
