"""What a build is to be."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardmill.pipeline.builds.artifact_at_url import ArtifactAtUrl


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a build is to be, apart from its recipe and its raw files.

    Attributes:
        artifact: The folder of what was built before.
        rows_per_shard: The number of rows that was asked for; None for the default.
        force: Whether to build even if nothing has changed.
        remote: The URL that the artifact is built for; None if it stays in its folder.
    """

    artifact: Path
    rows_per_shard: int | None = None
    force: bool = False
    remote: "ArtifactAtUrl | None" = None
