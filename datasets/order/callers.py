"""What frameworks expect of the order that they iterate over, found among the calling functions.

Accelerate and Lightning tell a batch sampler nothing. Whether they would divide its rows, or
promise the same rows in each epoch, stands only in the objects that call it.
"""

import sys
import traceback
from collections.abc import Iterator
from types import FrameType

from shardmill.errors import DividedTwiceError

ACCELERATE = "accelerate.data_loader"
LIGHTNING = ("lightning.pytorch", "pytorch_lightning")  # Lightning has two names
FABRIC = ("lightning.fabric.wrappers", "lightning_fabric.wrappers")


def refuse_accelerate() -> None:
    """Return if Accelerate is not among the callers in order to divide the rows.

    Raises:
        DividedTwiceError: Accelerate prepares a loader for several processes, or divides batches.
    """
    accelerate = sys.modules.get(ACCELERATE)
    if accelerate is None:
        return
    shard = getattr(accelerate, "BatchSamplerShard", ())
    for frame in _callers(ACCELERATE):
        if frame.f_code.co_name == "prepare_data_loader":
            divides = frame.f_locals.get("num_processes") not in (None, 1)
        else:
            divides = issubclass(type(frame.f_locals.get("self")), shard)
        if divides:
            raise DividedTwiceError(
                "accelerator.prepare",
                expected="the loader that ds.loader returns",
                found="a DataLoader with only its batch_sampler, whose rows are divided among "
                "the processes already, and would be divided again",
                fix="call accelerator.prepare(ds.loader(...))",
            )


def lightning_overfits() -> bool:
    """Say whether a Lightning Trainer with `overfit_batches` is among the callers."""
    modules = [sys.modules[name] for name in LIGHTNING if name in sys.modules]
    trainers = tuple(module.Trainer for module in modules if hasattr(module, "Trainer"))
    if not trainers:
        return False
    for frame in _callers(*LIGHTNING):
        trainer = frame.f_locals.get("self")
        if trainer is not None and issubclass(type(trainer), trainers):
            return bool(trainer.overfit_batches > 0)
    return False


def fabric_counts() -> bool:
    """Say whether a loader that Lightning Fabric has set up is about to set the epoch.

    It counts epochs from 0, whatever epoch was resumed.
    """
    return any(frame.f_code.co_name == "__iter__" for frame in _callers(*FABRIC))


def _callers(*modules: str) -> Iterator[FrameType]:
    """Yield the frames of functions of some modules, or of modules below them, innermost first.

    A look at the variables of a frame keeps their values alive as long as it runs, up to Python
    3.12. So no others are looked at, which could be the user's.
    """
    below = tuple(f"{module}." for module in modules)
    for frame, _ in traceback.walk_stack(None):
        name = frame.f_globals.get("__name__", "")
        if name in modules or name.startswith(below):
            yield frame
