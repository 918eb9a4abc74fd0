"""Loads a saved model, which predicts classes or numbers for raw rows."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from shardmill.errors import ModelError
from shardmill.format.batch import Bag
from shardmill.serve.bring_model import bring_model
from shardmill.serve.model_facts import ModelFacts
from shardmill.serve.model_folder import read_model
from shardmill.serve.preprocessor import Preprocessor
from shardmill.training.models.baseline import BACKBONES, Baseline
from shardmill.training.settings.model_options import MOST_NGRAMS

_FIX = "copy the folder anew, or train the model again"


class Model:
    """A trained model that takes raw rows.

    Attributes:
        folder: The folder that it was loaded from; for a URL, that in the cache.
        where: What was given: the folder, or the URL.
        module: The network in eval mode. It takes the `x` of a batch as datasets give it, texts as
            a `Bag`, or several texts as a dict of them.
        preprocessor: Turns raw rows into `x`.
        facts: The content of model.json.

    Example:
        >>> model = shardmill.load_model("runs/ag_news/model")
        >>> model.predict(["Stocks fell on Monday."]).shape
        torch.Size([1, 4])
    """

    def __init__(
        self,
        folder: Path,
        module: Baseline,
        preprocessor: Preprocessor,
        facts: ModelFacts,
        *,
        where: str | None = None,
    ) -> None:
        self.folder = folder
        self.where: str = str(folder) if where is None else where
        self.module = module
        self.preprocessor = preprocessor
        self.facts = facts

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes by index; empty if the model returns numbers."""
        return self.facts.classes

    def outputs(self, x: Any) -> Tensor:
        """Return logits [n, classes], or numbers [n], of the `x` of a batch, on the CPU.

        Raises:
            ModelError: The model cannot take this `x`.
        """
        x = _moved(x, next(self.module.parameters()).device)
        try:
            with torch.inference_mode():
                output: Tensor = self.module(x)
        except torch.cuda.OutOfMemoryError:
            raise
        except (TypeError, ValueError, IndexError, RuntimeError) as error:
            expected = f"rows that {self.facts.architecture} takes as model.json makes it"
            fix = f"give rows like those that it was trained on, or {_FIX}"
            raise ModelError(self.where, expected=expected, found=str(error), fix=fix) from error
        return output.cpu()

    def logits(self, x: Any) -> Tensor:
        """Return the logits [n, classes] of the `x` of a batch, on the CPU.

        Raises:
            ModelError: The model cannot take this `x`, or it returns numbers.
        """
        if self.facts.target is not None:
            found = f"a model of the number {self.facts.target.name}"
            fix = "use predict for raw rows, or outputs for the x of a batch"
            raise ModelError(self.where, expected="a model of classes", found=found, fix=fix)
        return self.outputs(x)

    def probabilities(self, x: Any) -> Tensor:
        """Return the probability [n, classes] float32 of each class for a batch of `x`.

        Raises:
            ModelError: The model cannot take this `x`, or it returns numbers.
        """
        return self.logits(x).softmax(1)

    def answers(self, x: Any) -> Tensor:
        """Return probabilities [n, classes], or numbers [n], float32, for a batch of `x`.

        Raises:
            ModelError: The model cannot take this `x`.
        """
        return self.probabilities(x) if self.facts.target is None else self.outputs(x)

    def predict(self, rows: Any) -> Tensor:
        """Return the probability [n, classes] of each class for raw rows, or a number [n] for each.

        Both are float32. Numbers are in the unit of the target.

        Args:
            rows: Raw rows as `Preprocessor` takes them.

        Raises:
            InputError: A row is not what the recipe says, or a build would have dropped it.
        """
        return self.answers(self.preprocessor(rows, layout="bag"))

    def __repr__(self) -> str:
        name = f"{self.facts.architecture} of {self.facts.trained_on.name}"
        sample = ", sample data" if self.facts.trained_on.sample else ""
        target = self.facts.target
        told = f"{len(self.classes)} classes" if target is None else f"number {target.name}"
        return f"Model({name}, {told}{sample})"


def load_model(
    folder: str | os.PathLike[str], *, cache: str | os.PathLike[str] | None = None
) -> Model:
    """Return a saved model, after checking the checksums of its files.

    Args:
        folder: The folder of the model, such as `runs/titanic/model`, or its URL.
        cache: For a URL, the folder into which files are brought; None for the user's own.

    Raises:
        MissingArtifactError: This is not the folder of a model, or there is none at the URL.
        StorageError: The storage at the URL refused or failed.
        FormatVersionError: A newer version of shardmill wrote it.
        ModelError: The architecture is unknown, or the tensors do not fit it.
        ArtifactError: A file is missing or damaged.

    Example:
        >>> model = shardmill.load_model("runs/titanic/model")
        >>> model.classes
        ('Dead', 'Survived')
    """
    path = bring_model(folder, cache)
    facts, weights = read_model(path)
    if facts.architecture not in BACKBONES:
        expected = f"an architecture, one of {', '.join(BACKBONES)}"
        fix = "read it with the shardmill that wrote it, or a newer one"
        found = f"{facts.architecture!r}, written by {facts.writer}"
        raise ModelError(path, expected=expected, found=found, fix=fix)
    weights_path = path / "model.safetensors"
    tensors = _read_weights(weights_path, weights)
    # Beyond these, making the module or running it would take for ever.
    for option, most in (("depth", len(tensors)), ("ngrams", MOST_NGRAMS)):
        value = facts.options.get(option)
        if isinstance(value, int) and value > most:
            expected, found = f"{option} of at most {most:,}", f"{value:,}"
            raise ModelError(path, expected=expected, found=found, fix=_FIX)
    # Tensors on "meta" have shapes and no memory, of which damaged options may want any amount.
    with torch.device("meta"):
        _check_weights(weights_path, _module(path, facts), tensors)
    module = _module(path, facts)
    module.load_state_dict(tensors)
    preprocessor = Preprocessor.load(path)
    return Model(path, module.eval(), preprocessor, facts, where=os.fspath(folder))


def _moved(x: Any, device: torch.device) -> Any:
    if isinstance(x, Bag):
        return Bag(*(part.to(device) for part in x))
    if isinstance(x, Mapping):
        return {group: _moved(part, device) for group, part in x.items()}
    return x.to(device)


def _module(path: Path, facts: ModelFacts) -> Baseline:
    try:
        # The random weights are replaced later, and must not change the random numbers of others.
        with torch.random.fork_rng(devices=[]):
            return Baseline(facts.architecture, facts.options, len(facts.classes) or None)
    except (
        TypeError, ValueError, RuntimeError, ArithmeticError, LookupError, AssertionError
    ) as error:  # fmt: skip  # what wrong options lead to, in this code and in torch's
        expected = f"options that make {facts.architecture}"
        raise ModelError(path, expected=expected, found=str(error), fix=_FIX) from None


def _read_weights(path: Path, weights: bytes) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load(weights)
    except SafetensorError as error:
        raise ModelError(path, expected="a safetensors file", found=str(error), fix=_FIX) from None


def _check_weights(path: Path, module: Baseline, tensors: Mapping[str, Tensor]) -> None:
    expected = {name: _form(tensor) for name, tensor in module.state_dict().items()}
    found = {name: _form(tensor) for name, tensor in tensors.items()}
    for name in sorted(expected.keys() | found.keys()):
        ours, theirs = expected.get(name, "no such tensor"), found.get(name, "no such tensor")
        if ours != theirs:
            raise ModelError(f"{path}, tensor {name}", expected=ours, found=theirs, fix=_FIX)


def _form(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
