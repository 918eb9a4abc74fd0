"""Freezes parts of a model, which have names, and thaws them epoch by epoch."""

from collections.abc import Iterable

from torch import nn

from shardmill import SettingsError
from shardmill.training.settings.settings import Transfer


def parts_below(model: nn.Module, name: str) -> list[str]:
    """Return the parts that a part is made of, from input to output, or the part alone.

    Sequences below it are opened, those in them are not; what has no parameters is no part.
    """
    found: list[str] = []
    for child, module in model.get_submodule(name).named_children():
        opened = isinstance(module, nn.Sequential | nn.ModuleList)
        names = [f"{child}.{n}" for n, _ in module.named_children()] if opened else [child]
        found += [f"{name}.{n}" for n in names]
    parts = [part for part in found if any(True for _ in model.get_submodule(part).parameters())]
    return parts or [name]


def freeze_in_epoch(model: nn.Module, transfer: Transfer, epoch: int) -> None:
    """Let a model train what the settings say for an epoch, counted from 0; see `freeze_parts`."""
    every = transfer.unfreeze_every
    freeze_parts(model, transfer.freeze, thawed=0 if every is None else epoch // every)


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """Return how many parameters train, and how many there are."""
    parameters = list(model.parameters())
    return sum(p.numel() for p in parameters if p.requires_grad), sum(p.numel() for p in parameters)


def check_parts(model: nn.Module, names: Iterable[str], *, where: str) -> None:
    """Fail if a name is none of a part, or if nothing would be left to train.

    Raises:
        SettingsError: with the parts that there are.
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
    """Let a model train all but some parts: these have no gradients, and act as in evaluation.

    Batch norm's statistics of frozen parts stay what they are, and nothing is dropped out there.

    Args:
        model: to be changed.
        names: of parts.
        thawed: how many of what they are made of train all the same, the last first.
    """
    model.requires_grad_(True).train()
    below = list(dict.fromkeys(part for name in names for part in parts_below(model, name)))
    if thawed >= len(below):
        return
    for name in names:
        model.get_submodule(name).requires_grad_(False).eval()
    for part in below[len(below) - thawed :]:
        model.get_submodule(part).requires_grad_(True).train()
