"""Exports a saved model with torch.export, and holds what was written against the model."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from shardmill import Bag, ModelError
from shardmill.training.saved.example_inputs import example_inputs
from shardmill.training.saved.load_model import Model
from shardmill.training.saved.write_predictions import open_output

FACTS_NAME = "model.json"
SIZES = (1, 2, 7, 64)
# Sums of floats depend on how a kernel goes through a batch of a size.
TOLERANCE = 1e-5  # absolute, and relative
# torch takes sizes of 0 and 1 for constants.
_EXAMPLE_ROWS = 5


@dataclass(frozen=True, slots=True)
class Exported:
    """What was exported.

    Attributes:
        path: of the file.
        inputs: names of the tensors that the module takes, with dtype and shape; `b` rows, `n` ids.
        classes: by the index of their logit.
        difference: the largest between logits of the file and of the model, in absolute value.
        sizes: of the batches that were compared.
    """

    path: Path
    inputs: dict[str, str]
    classes: tuple[str, ...]
    difference: float
    sizes: tuple[int, ...] = SIZES

    def to_dict(self) -> dict[str, Any]:
        """Return the facts for JSON."""
        return {**asdict(self), "path": str(self.path)}


def export_model(model: Model, path: Path) -> Exported:
    """Write the network of a model for `torch.export.load`, which takes no shardmill to use.

    The module takes `x` as datasets give it, [b, ...] or a dict of tensors by group, but of texts
    `ids` [n] and `offsets` [b] int64, and returns logits [b, classes]. The file holds the facts of
    model.json beside it (`extra_files`), and no preprocessor.

    Args:
        model: from `load_model`, on the CPU.
        path: of the file, which takes its place when it was loaded again and gives the same logits.

    Raises:
        ModelError: torch cannot export the model, or the file gives other logits.
        OutputError: the file cannot be written.
    """
    # Weights in any other format are saved less surely, as torch warns.
    module = deepcopy(model.module).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    if model.facts.kind == "text":
        module = _OfTensors(module)
    program = _export(module, model)
    facts = model.facts.model_dump(mode="json", exclude={"files", "checksum"})
    content = json.dumps(facts, ensure_ascii=False)
    with open_output(path) as file:
        torch.export.save(program, file, extra_files={FACTS_NAME: content})
        file.flush()
        difference = _compare(Path(file.name), model)
    return Exported(path, _describe(model), model.classes, difference)


class _OfTensors(nn.Module):
    """A model of texts that takes the tensors of a `Bag` one by one."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, offsets: Tensor) -> Tensor:
        """Return logits [b, classes]."""
        # With a text of one id more, whose logits go, no operation meets a batch without ids.
        more = Bag(
            torch.cat([ids, ids.new_zeros(1)]),
            torch.cat([offsets, offsets.new_full((1,), ids.shape[0])]),
        )
        logits: Tensor = self.model(more)
        return logits[:-1]


def _arguments(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, Bag) else (x,)


def _export(module: nn.Module, model: Model) -> Any:
    arguments = _arguments(example_inputs(model, _EXAMPLE_ROWS))
    rows = {0: Dim("b")}
    shapes: tuple[Any, ...] = (rows,)
    if model.facts.kind == "text":
        shapes = ({0: Dim("n")}, rows)
    elif isinstance(arguments[0], dict):
        shapes = (dict.fromkeys(arguments[0], rows),)
    try:
        with torch.no_grad():
            return torch.export.export(module, arguments, dynamic_shapes=shapes, strict=False)
    except Exception as error:
        raise ModelError(
            model.folder,
            expected="a model that torch.export takes for any number of rows",
            found=f"{type(error).__name__}: {str(error).strip().splitlines()[0]}",
            fix="the network must not look at values or sizes: `x.shape[0]`, where there is len(x)",
        ) from error


def _compare(path: Path, model: Model) -> float:
    """Return the largest difference of logits between a file and the model that it was made of."""
    with path.open("rb") as file:  # torch wants names to end in .pt2
        loaded = torch.export.load(file).module()
    largest = 0.0
    for size in SIZES:
        x = example_inputs(model, size)
        # Texts of which none has a token, too.
        for batch in (x, Bag(x.ids[:0], x.offsets * 0)) if isinstance(x, Bag) else (x,):
            with torch.no_grad():
                expected = model.module(batch)
                found = loaded(*_arguments(batch))
            same = found.shape == expected.shape and torch.allclose(
                found, expected, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True
            )
            if not same:
                raise ModelError(
                    model.folder,
                    expected=f"an exported model that gives its logits to within {TOLERANCE:g}",
                    found=f"other logits for {size} rows",
                    fix="use the model itself, with shardmill; nothing was exported",
                )
            largest = max(largest, float((found - expected).abs().max()))
    return largest


def _describe(model: Model) -> dict[str, str]:
    x = example_inputs(model, 2)
    if isinstance(x, Bag):
        return {"ids": f"{_dtype(x.ids)} [n]", "offsets": f"{_dtype(x.offsets)} [b]"}
    named: Mapping[str, Tensor] = x if isinstance(x, dict) else {"x": x}
    sizes = {name: ", ".join(["b", *map(str, t.shape[1:])]) for name, t in named.items()}
    return {name: f"{_dtype(named[name])} [{size}]" for name, size in sizes.items()}


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
