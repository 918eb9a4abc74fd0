"""Describes a run: a page of text, and its settings as a flat table."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader

from shardmill.datasets.dataset import ShardDataset
from shardmill.training.objectives.find_task import target_name
from shardmill.training.show.describe_rows import Table
from shardmill.urls import PathOrUrl, is_url, path_or_url


def describe_run(
    facts: Mapping[str, Any], loaders: Mapping[str, DataLoader[Any]], folder: Path
) -> str:
    """Return a page in Markdown: what the run is made of, how to resume it and how to use it.

    Args:
        facts: Facts as metrics.json has them: `artifact`, `commit`, `name`, `recipe_sha256` and
            `shard_key`.
        loaders: The loaders by split.
        folder: The folder of the run.
    """
    train: Any = loaders["train"].dataset
    rows = ", ".join(f"{name} {len(loader.dataset):,}" for name, loader in loaders.items())  # type: ignore[arg-type]
    lines = (
        ("artifact", f"{facts['name']} (SAMPLE DATA)" if train.sample else facts["name"]),
        ("generation", facts["shard_key"]),
        ("recipe, SHA-256", facts["recipe_sha256"]),
        ("commit", facts["commit"] or "none"),
        _target(train),
        ("rows", rows),
    )
    resume = resume_command(path_or_url(facts["artifact"]), folder.parent)
    predict = shlex.join(["shardmill", "predict", str(folder / "model"), "FILE"])
    parts = [Table(("what", "is"), lines).to_markdown()]
    parts += ["To go on with the run:", f"    {resume}", "To use the model:", f"    {predict}"]
    return "\n\n".join(parts)


def _target(train: ShardDataset) -> tuple[str, str]:
    if train.classes is not None:
        return "classes", ", ".join(train.classes)
    return "number", target_name(train.manifest.recipe)


def resume_command(artifact: PathOrUrl, out: Path) -> str:
    """Return the command that resumes the run of an artifact in the folder of runs `out`."""
    named = [str(artifact)]
    if not is_url(artifact):
        path = Path(artifact)
        named = [path.name, "--artifacts", str(path.parent)]
    return shlex.join(["shardmill", "train", *named, "--out", str(out), "--resume"])


def flatten(settings: Mapping[str, Any]) -> dict[str, int | float | str]:
    """Return settings by their paths, such as `early_stopping.patience`, without any None.

    True and false become texts, since TensorBoard would show them as numbers.
    """
    flat: dict[str, int | float | str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{below}": found for below, found in flatten(value).items()}
        elif isinstance(value, bool):
            flat[name] = str(value).lower()
        elif value is not None:
            flat[name] = value if isinstance(value, int | float) else str(value)
    return flat
