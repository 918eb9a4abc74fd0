"""Finds the checkpoint that a run goes on from, and refuses one of another run."""

from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch

from shardmill.errors import AgreementError, ResumeError
from shardmill.training.settings.settings import Settings

LAST_NAME = "checkpoints/last.ckpt"


def read_facts(checkpoint: Path) -> dict[str, Any]:
    """Return what a checkpoint says of the run that wrote it; see `run_facts`.

    Raises:
        ResumeError: There is no such file, or it is no checkpoint of such a run.
    """
    if not checkpoint.is_file():
        raise ResumeError(
            checkpoint,
            expected="the checkpoint of a run to go on with",
            found="no such file",
            fix="start the run without --resume, or check --out",
        )
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
        facts: dict[str, Any] = state["callbacks"]["Memory"]["facts"]
    except Exception as error:
        raise ResumeError(
            checkpoint,
            expected="a checkpoint that `shardmill train` wrote",
            found=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            fix="start the run anew, without --resume",
        ) from None
    return facts


def run_facts(
    artifact: str,
    generation: str,
    *,
    model: torch.nn.Module,
    settings: Settings,
    start: str | None = None,
) -> dict[str, Any]:
    """Return the facts that checkpoints hold, for JSON.

    Args:
        artifact: The name of the artifact.
        generation: The key of its shards.
        model: The model, whose text names its layers.
        settings: The settings of the run.
        start: The checksum of the model that the run started from; None for fresh weights.
    """
    return {
        "artifact": artifact,
        "generation": generation,
        "model": str(model),
        "settings": settings.to_dict(),
        "start": start,
    }


def check_same_run(before: Mapping[str, Any], now: Mapping[str, Any], checkpoint: Path) -> None:
    """Fail if a resumed run would not come to the same result as the run of the checkpoint.

    Raises:
        ResumeError: The two runs differ. The message lists every difference.
    """
    pairs = _differences(_comparable(before), _comparable(now))
    if pairs:
        raise ResumeError(
            checkpoint,
            expected=f"a run of {', '.join(f'{name} {here}' for name, _, here in pairs)}",
            found=f"one of {', '.join(f'{name} {there}' for name, there, _ in pairs)}",
            fix="start the run anew, without --resume, or resume it with what it had; to "
            "train a finished model further, start --from it",
        )


def check_same_ranks(first: Mapping[str, Any], own: Mapping[str, Any], rank: int) -> None:
    """Fail if ranks of one run read different artifacts or models, which a URL may give them.

    Args:
        first: The facts of the run in the first rank; see `run_facts`.
        own: Those in this rank.
        rank: The number of this rank.

    Raises:
        AgreementError: They differ. The message lists every difference.
    """
    pairs = _differences(dict(first), dict(own))
    if pairs:
        raise AgreementError(
            f"rank {rank}",
            expected=", ".join(f"{name} {there}" for name, there, _ in pairs) + ", as in rank 0",
            found=", ".join(f"{name} {here}" for name, _, here in pairs),
            fix="start the run again: another artifact or model may have been pushed meanwhile",
        )


def _comparable(facts: Mapping[str, Any]) -> dict[str, Any]:
    settings = Settings.model_validate(facts["settings"]).that_matter()
    options = {f"model.{name}": value for name, value in settings.pop("model").items()}
    return {**facts, "settings": None, **options, **settings}


def _differences(before: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, str, str]]:
    pairs = [(name, before.get(name), now[name]) for name in now if before.get(name) != now[name]]
    return [
        (name, *_first_lines(there, here))
        if name == "model"
        else (name, _short(there), _short(here))
        for name, there, here in pairs
    ]


def _first_lines(there: Any, here: Any) -> tuple[str, str]:
    # Returns the first lines in which the texts of two models differ.
    lines = zip_longest(str(there).splitlines(), str(here).splitlines(), fillvalue="nothing")
    a, b = next((a, b) for a, b in lines if a != b)
    return a.strip(), b.strip()


def _short(value: Any) -> str:
    return "none" if value is None else str(value)
