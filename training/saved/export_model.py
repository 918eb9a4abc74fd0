"""Exports a saved model with torch.export, and compares the file with the model."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from shardmill.errors import ModelError
from shardmill.format.batch import Bag
from shardmill.training.modalities.find_modality import find_modality
from shardmill.training.models.input_tensors import input_tensors
from shardmill.training.saved.example_inputs import example_inputs
from shardmill.training.saved.load_model import Model
from shardmill.training.saved.write_predictions import open_output

FACTS_NAME = "model.json"
SIZES = (1, 2, 7, 64)
# Sums of floats depend on the order in which a kernel adds, and that depends on the batch size.
TOLERANCE = 1e-5  # absolute (of numbers, in standard deviations of the target), and relative
# torch would take the sizes 0 and 1 for constants.
_EXAMPLE_ROWS = 5


@dataclass(frozen=True, slots=True)
class Exported:
    """What was exported.

    Attributes:
        path: The path of the file.
        inputs: The tensors that the module takes, by name, with dtype and shape: `b` stands for
            rows and `n` for ids.
        classes: The class of each logit; empty if the file returns numbers.
        difference: The largest absolute difference between what the file returns and what the model
            does: logits, or numbers in the unit of the target.
        sizes: The sizes of the batches that were compared.
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
    """Write the network of a model for `torch.export.load`, which needs no shardmill.

    The module takes `x` as datasets give it, a tensor [b, ...] or a dict of tensors by group; for
    texts it takes `ids` [n] and `offsets` [b] int64, or for several texts of a row a dict of
    `<group>.ids` and `<group>.offsets`. It returns logits [b, classes], or numbers [b]. The file
    also holds the facts of model.json (in `extra_files`), but no preprocessor. It is put in its
    place only after it was loaded again and returned the same.

    Args:
        model: The model, from `load_model`, on the CPU.
        path: The path of the file.

    Raises:
        ModelError: torch cannot export the model, or the file returns something else.
        OutputError: The file cannot be written.
    """
    # torch warns that weights in another memory format may not be saved right.
    module = deepcopy(model.module).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    program = _export(find_modality(model.facts.kind).exportable(module), model)
    facts = model.facts.model_dump(mode="json", exclude={"files", "checksum"})
    content = json.dumps(facts, ensure_ascii=False)
    with open_output(path) as file:
        torch.export.save(program, file, extra_files={FACTS_NAME: content})
        file.flush()
        difference = _compare(Path(file.name), model)
    return Exported(path, _describe(model), model.classes, difference)


def _arguments(x: Any) -> tuple[Any, ...]:
    return (input_tensors(x),) if isinstance(x, Mapping) else tuple(input_tensors(x).values())


def _export(module: nn.Module, model: Model) -> Any:
    x = example_inputs(model, _EXAMPLE_ROWS)
    arguments, shapes = _arguments(x), find_modality(model.facts.kind).dynamic_shapes(x)
    try:
        with torch.no_grad():
            return torch.export.export(module, arguments, dynamic_shapes=shapes, strict=False)
    except Exception as error:
        raise ModelError(
            model.where,
            expected="a model that torch.export takes for any number of rows",
            found=f"{type(error).__name__}: {str(error).strip().splitlines()[0]}",
            fix="the network must not look at values or sizes: `x.shape[0]`, where there is len(x)",
        ) from error


def _compare(path: Path, model: Model) -> float:
    """Return the largest difference between what a file returns and what its model does."""
    target = model.facts.target
    outputs = "logits" if target is None else "numbers"
    least = TOLERANCE * (1.0 if target is None else target.std)
    with path.open("rb") as file:  # torch wants names to end in .pt2
        loaded = torch.export.load(file).module()
    largest = 0.0
    for size in SIZES:
        x = example_inputs(model, size)
        # For texts, a batch without any token is compared as well.
        for batch in (x, _without_tokens(x)):
            with torch.no_grad():
                expected = model.module(batch)
                found = loaded(*_arguments(batch))
            same = found.shape == expected.shape and torch.allclose(
                found, expected, rtol=TOLERANCE, atol=least, equal_nan=True
            )
            if not same:
                raise ModelError(
                    model.where,
                    expected=f"an exported model that gives its {outputs} to within {least:g}",
                    found=f"other {outputs} for {size} rows",
                    fix="use the model itself, with shardmill; nothing was exported",
                )
            largest = max(largest, float((found - expected).abs().max()))
    return largest


def _without_tokens(x: Any) -> Any:
    if isinstance(x, Mapping):
        return {group: _without_tokens(part) for group, part in x.items()}
    return Bag(x.ids[:0], x.offsets * 0) if isinstance(x, Bag) else x


def _describe(model: Model) -> dict[str, str]:
    x = example_inputs(model, 2)
    parts = x.values() if isinstance(x, Mapping) else [x]
    of_texts = any(isinstance(part, Bag) for part in parts)
    described = {}
    for name, tensor in input_tensors(x).items():
        first = "n" if of_texts and name.rpartition(".")[2] == "ids" else "b"
        size = ", ".join([first, *map(str, tensor.shape[1:])])
        described[name] = f"{_dtype(tensor)} [{size}]"
    return described


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
