"""Writes histograms of a model's weights and gradients for TensorBoard."""

import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

_BUCKETS = 64


def write_histograms(writer: SummaryWriter, model: nn.Module, step: int) -> None:
    """Write histograms of each parameter, and of its gradient if it has one.

    Args:
        writer: The writer of the run.
        model: The model after its last step, with the gradients of that step.
        step: The step to show them at.
    """
    for name, weight in model.named_parameters():
        _write(writer, f"weights/{name}", weight.detach(), step)
        if weight.grad is not None:
            _write(writer, f"gradients/{name}", weight.grad, step)


def _write(writer: SummaryWriter, tag: str, tensor: Tensor, step: int) -> None:
    # The buckets have equal width, since `add_histogram` takes seconds for ten million values.
    values = tensor.float().cpu().flatten()
    values = values[values.isfinite()]  # scaled gradients may overflow
    if not len(values):
        return
    low, high = float(values.min()), float(values.max())
    if low == high:  # one bucket around them
        width = abs(low) * 1e-3 or 1e-6
        low, high = low - width, high + width
    counts = torch.histc(values, _BUCKETS, low, high)
    limits = torch.linspace(low, high, _BUCKETS + 1, dtype=torch.float64)[1:]
    writer.add_histogram_raw(
        tag,
        min=low,
        max=high,
        num=len(values),
        sum=float(values.sum(dtype=torch.float64)),
        sum_squares=float(values.square().sum(dtype=torch.float64)),
        bucket_limits=limits.tolist(),
        bucket_counts=counts.tolist(),
        global_step=step,
    )
