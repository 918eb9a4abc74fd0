"""Writes the graph of a model for TensorBoard."""

import contextlib
import io
import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from shardmill.training.models.baseline import Baseline
from shardmill.training.models.input_tensors import input_of, input_tensors
from shardmill.training.show.shown_rows import as_it_was


class TracedModel(nn.Module):
    """A model that takes the tensors of its input one by one, as tracing wants it."""

    def __init__(self, model: Baseline, x: Any) -> None:
        super().__init__()
        self.backbone: nn.Module = model.backbone
        self.head: nn.Linear = model.head
        self._x = x

    def parts(self) -> tuple[Tensor, ...]:
        """Return the tensors of the input."""
        return tuple(input_tensors(self._x).values())

    def forward(self, *parts: Tensor) -> Tensor:
        """Return logits [b, classes], or numbers [b]."""
        tensors = dict(zip(input_tensors(self._x), parts, strict=True))
        output: Tensor = self.head(self.backbone(input_of(self._x, tensors)))
        return output


def write_graph(writer: SummaryWriter, model: Baseline, x: Any) -> None:
    """Write the graph of a model for the `x` of a batch. If it cannot be traced, only warn.

    The model runs in eval mode, and stays as it was.
    """
    traced = TracedModel(model, x)
    with as_it_was(model), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of traces that hold only for batches like this one
        # torch prints failures on stdout, where the results of commands go.
        with contextlib.redirect_stdout(io.StringIO()):
            fault = _fault(writer, traced.eval())
    if fault is not None:
        warnings.warn(f"TensorBoard shows no graph of the model: {fault}", stacklevel=2)


def _fault(writer: SummaryWriter, traced: TracedModel) -> str | None:
    try:
        writer.add_graph(traced, traced.parts())
    except Exception as error:  # a model may do anything that a trace cannot hold
        return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
    return None
