"""Makes a data set ready: raw files, shardmill's artifact, and its rows as plain tensors."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from load.case import Case
from load.raw_data import write_ag_news, write_mnist, write_titanic

WriteRaw = Callable[[Path, Path, int | None], None]


@dataclass(frozen=True, slots=True)
class _Source:
    recipe: str
    batch_size: int
    write_raw: WriteRaw


_SOURCES = {
    "images": _Source("mnist", 256, write_mnist),
    "text": _Source("ag_news", 256, write_ag_news),
    "tabular": _Source("titanic", 1_024, write_titanic),
}
CASE_NAMES = tuple(_SOURCES)


def build_case(name: str, *, raw: Path, out: Path, rows: int | None) -> Case:
    """Return a data set of which everything is there but the peers' own formats.

    Args:
        name: The name of the data set, one of CASE_NAMES.
        raw: The folder of real raw files.
        out: The folder where everything is written. What is there of the same rows is used again.
        rows: How many rows of the raw train file are used, or None for all.
    """
    source = _SOURCES[name]
    folder = out / "raw" / source.recipe
    done = folder.with_name(f"{source.recipe}.done")
    wanted = "all rows" if rows is None else f"{rows} rows"
    if not done.exists() or done.read_text() != wanted:
        done.unlink(missing_ok=True)
        source.write_raw(raw / source.recipe, folder, rows)
        done.write_text(wanted)
    artifact = out / "artifacts" / source.recipe
    _preprocess(source.recipe, raw=folder.parent, out=artifact.parent)
    return _write_tensors(name, source, artifact=artifact, out=out)


def _preprocess(recipe: str, *, raw: Path, out: Path) -> None:
    command = [sys.executable, "-m", "shardmill", "preprocess", recipe, "--quiet"]
    subprocess.run(  # noqa: S603  our own command
        [*command, "--raw", str(raw), "--out", str(out)], check=True, cwd=raw
    )


def _write_tensors(name: str, source: _Source, *, artifact: Path, out: Path) -> Case:
    import shardmill

    dataset = shardmill.open(artifact, split="train")
    vocabulary = dataset.manifest.vocabulary
    case = Case(
        name=name,
        rows=len(dataset),
        batch_size=source.batch_size,
        padding_id=0 if vocabulary is None else vocabulary.padding_id,
        key=dataset.manifest.shard_key,
        raw=str(out / "raw"),
        artifact=str(artifact),
        tensors=str(out / "tensors" / name),
        peers=str(out / "peers" / name),
    )
    folder = Path(case.tensors)
    done = folder.with_name(f"{name}.done")
    if done.exists() and done.read_text() == case.key:
        return case
    done.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    for array_name, array in _arrays(artifact, text=case.is_text).items():
        np.save(folder / f"{array_name}.npy", array)
    done.write_text(case.key)
    return case


def _arrays(artifact: Path, *, text: bool) -> dict[str, np.ndarray]:
    import shardmill

    if not text:
        x, y = shardmill.open(artifact, split="train")[:]
        return {"x": x.numpy(), "y": y.numpy()}
    bag, y = shardmill.open(artifact, split="train", layout="bag")[:]
    offsets = np.append(bag.offsets.numpy(), len(bag.ids))
    return {"ids": bag.ids.numpy(), "offsets": offsets, "y": y.numpy()}
