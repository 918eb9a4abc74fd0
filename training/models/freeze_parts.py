"""Freezes named parts of a model, and thaws them epoch by epoch."""

from collections.abc import Iterable

from torch import nn

from shardmill.errors import SettingsError
from shardmill.training.settings.settings import Transfer


def parts_below(model: nn.Module, name: str) -> list[str]:
    """Return the parts that a part is made of, from input to output; or the part itself.

    Sequences directly below it are opened, but no sequences in these. A module without parameters
    is no part.
    """
    found: list[str] = []
    for child, module in model.get_submodule(name).named_children():
        opened = isinstance(module, nn.Sequential | nn.ModuleList)
        names = [f"{child}.{n}" for n, _ in module.named_children()] if opened else [child]
        found += [f"{name}.{n}" for n in names]
    parts = [part for part in found if any(True for _ in model.get_submodule(part).parameters())]
    return parts or [name]


def freeze_in_epoch(model: nn.Module, transfer: Transfer, epoch: int) -> None:
    """Freeze the parts that the settings freeze in an epoch, counted from 0; see `freeze_parts`."""
    every = transfer.unfreeze_every
    freeze_parts(model, transfer.freeze, thawed=0 if every is None else epoch // every)


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """Return how many parameters train, and how many there are."""
    parameters = list(model.parameters())
    return sum(p.numel() for p in parameters if p.requires_grad), sum(p.numel() for p in parameters)


def check_parts(model: nn.Module, names: Iterable[str], *, where: str) -> None:
    """Fail if there is no part of a name, or if nothing would be left to train.

    Raises:
        SettingsError: One of the two is so. The message lists the parts that there are.
    """
    known = {name for name, _ in model.named_modules() if name}
    unknown = [name for name in names if name not in known]
    parts = ["backbone", *parts_below(model, "backbone"), "head"]
    fix = "name other parts with --freeze, or none"
    if unknown:
        expected = f"parts of the model, such as {', '.join(parts)}"
        raise SettingsError(where, expected=expected, found=", ".join(unknown), fix=fix)
    freeze_parts(model, names)
    trained = any(parameter.requires_grad for parameter in model.parameters())
    model.requires_grad_(True).train()
    if not trained:
        expected = "something to train"
        raise SettingsError(where, expected=expected, found="all parts frozen", fix=fix)


def freeze_parts(model: nn.Module, names: Iterable[str], *, thawed: int = 0) -> None:
    """Freeze some parts of a model: they have no gradients, and act as in evaluation.

    In frozen parts, the statistics of batch norm stay as they are and nothing is dropped out.

    Args:
        model: The model, which is changed.
        names: The names of the parts.
        thawed: How many of the parts below them train all the same, counted from the last.
    """
    model.requires_grad_(True).train()
    below = list(dict.fromkeys(part for name in names for part in parts_below(model, name)))
    if thawed >= len(below):
        return
    for name in names:
        model.get_submodule(name).requires_grad_(False).eval()
    for part in below[len(below) - thawed :]:
        model.get_submodule(part).requires_grad_(True).train()
