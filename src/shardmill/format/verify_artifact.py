"""Checks a whole artifact against its manifest."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from shardmill.errors import ArtifactError, DamagedFileError
from shardmill.format.layout import shard_header, shard_layout
from shardmill.format.manifest import FileRecord, Manifest, ShardRecord, SplitRecord
from shardmill.format.read_checked import REBUILD, read_raw_records
from shardmill.format.shard_file import check_file, read_header
from shardmill.text.load_vocab import vocabulary_fault

_MOST_FAULTS = 10  # so many are in a message


@dataclass(frozen=True, slots=True)
class Verified:
    """How much was read and found undamaged."""

    artifact: str
    files: int
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return the facts for JSON."""
        return asdict(self)


def verify_artifact(artifact: str | os.PathLike[str]) -> Verified:
    """Read every file of an artifact but its dataset card, in bounded memory.

    People write into the card, and a build that is killed may have replaced it alone.

    Raises:
        DamagedFileError: A file is missing, differs in size, checksum or header, or holds values
            that the manifest does not allow; see `check_contents`. If there are several faults,
            the message lists them, up to ten.
        ArtifactError: The manifest cannot be read.
    """
    folder = Path(artifact)
    manifest = Manifest.load(folder)
    files = _files(manifest)
    faults = list(_faults(folder, manifest))
    raise_faults(folder, faults, files=len(files))
    return Verified(str(folder), len(files), sum(record.bytes for record in files))


def raise_faults(artifact: object, faults: Sequence[ArtifactError], *, files: int) -> None:
    """Raise the faults of an artifact as one error, if there are any.

    Args:
        artifact: The folder of the artifact, or its URL.
        faults: The faults. Each says in which file of the artifact it is.
        files: How many files were looked at.

    Raises:
        DamagedFileError: There are faults. The message lists up to ten.
        ArtifactError: The only fault is of another class.
    """
    if len(faults) == 1:
        raise faults[0]
    if not faults:
        return
    here = f"{artifact}{os.sep}"
    told = [f"{f.where.removeprefix(here)}: {f.found}" for f in faults[:_MOST_FAULTS]]
    if len(faults) > _MOST_FAULTS:
        told.append(f"{len(faults) - _MOST_FAULTS:,} more")
    expected = f"{files:,} whole files"
    found = f"{len(faults):,} faults: {'; '.join(told)}"
    raise DamagedFileError(artifact, expected=expected, found=found, fix=faults[0].fix)


def _files(manifest: Manifest) -> list[FileRecord]:
    return [record for record in manifest.files() if record != manifest.card]


def _faults(folder: Path, manifest: Manifest) -> Iterator[ArtifactError]:
    # What a file holds is looked at only if it is the file that was written.
    wrong: set[str] = set()
    for record in _files(manifest):
        fault = _refusal(partial(check_file, folder, record))
        if fault is not None:
            wrong.add(record.path)
            yield fault
    if manifest.raw.path not in wrong:
        fault = _refusal(partial(read_raw_records, folder, manifest))
        if fault is not None:
            yield fault
    yield from _vocabulary_faults(folder, manifest, wrong)
    for name, split in manifest.splits.items():
        yield from _split_faults(folder, manifest, split, name=name, wrong=wrong)


def _split_faults(
    folder: Path, manifest: Manifest, split: SplitRecord, *, name: str, wrong: set[str]
) -> Iterator[ArtifactError]:
    # Imported here, since reading an artifact needs no Arrow.
    from shardmill.format.check_contents import label_fault, parquet_fault, shard_faults

    files: list[FileRecord] = [*split.parquet, *split.shards]
    whole = wrong.isdisjoint(file.path for file in files)
    for record in (*split.parquet, *split.left_out):
        if record.path not in wrong and (found := parquet_fault(folder, record)):
            whole = False
            yield _wrong(folder / record.path, "a Parquet file of its rows", found)
    for shard in split.shards:
        if shard.path in wrong:
            continue
        fault = _refusal(partial(_check_header, folder, split, shard))
        if fault is not None:
            whole = False
            yield fault
            continue
        if found := "; ".join(shard_faults(folder, manifest, split, shard)):
            whole = False
            yield _wrong(folder / shard.path, "values that the manifest allows", found)
    if not whole:
        return
    cleaned = sum(record.rows for record in split.parquet)
    if cleaned != split.rows:
        expected = f"{split.rows:,} cleaned rows of the split {name}"
        yield _wrong(folder, expected, f"{cleaned:,} in the Parquet files")
    elif found := label_fault(folder, manifest, split):
        yield _wrong(folder, f"the same rows in all files of the split {name}", found)


def _vocabulary_faults(
    folder: Path, manifest: Manifest, wrong: set[str]
) -> Iterator[ArtifactError]:
    record = manifest.vocabulary
    files = [] if record is None else list(record.files())
    if record is None or not wrong.isdisjoint(file.path for file in files):
        return
    if found := vocabulary_fault(folder, record):
        yield _wrong(folder / files[0].path, "the vocabulary of the manifest", found)


def _check_header(folder: Path, split: SplitRecord, shard: ShardRecord) -> None:
    path = folder / shard.path
    expected = shard_header(shard_layout(split.fields, shard.rows, shard.values))
    read_header(path)  # valid safetensors, whatever is in it
    with path.open("rb") as file:
        found = file.read(len(expected))
    if found != expected:
        layout = "the header that the manifest's fields and rows lay out"
        raise _wrong(path, layout, "another one")


def _refusal(check: Callable[[], object]) -> ArtifactError | None:
    try:
        check()
    except ArtifactError as error:
        return error
    return None


def _wrong(where: Path, expected: str, found: str) -> DamagedFileError:
    return DamagedFileError(where, expected=expected, found=found, fix=REBUILD)
