"""Checks a whole artifact against its manifest."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shardmill.errors import DamagedFileError
from shardmill.format.layout import shard_header, shard_layout
from shardmill.format.manifest import Manifest, SplitRecord
from shardmill.format.shard_file import check_file, read_header


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
    """Read every file of an artifact.

    Raises:
        DamagedFileError: A file is missing, differs in size, checksum or header, or holds values
            that the manifest does not allow; see `check_contents`.
        ArtifactError: The manifest cannot be read.
    """
    folder = Path(artifact)
    manifest = Manifest.load(folder)
    files = list(manifest.files())
    for record in files:
        check_file(folder, record)
    for split in manifest.splits.values():
        _check_headers(folder, split)
    # Imported here, since reading an artifact needs no Arrow.
    from shardmill.format.check_contents import check_contents

    check_contents(folder, manifest)
    return Verified(str(folder), len(files), sum(record.bytes for record in files))


def _check_headers(folder: Path, split: SplitRecord) -> None:
    for shard in split.shards:
        path = folder / shard.path
        expected = shard_header(shard_layout(split.fields, shard.rows, shard.values))
        read_header(path)  # valid safetensors, whatever is in it
        with path.open("rb") as file:
            found = file.read(len(expected))
        if found != expected:
            raise DamagedFileError(
                path,
                expected="the header that the manifest's fields and rows lay out",
                found="another one",
                fix="build the artifact again with `shardmill preprocess --force`",
            )
