"""What a build has done, or would do."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from shardmill.pipeline.builds.named_by_urls import with_urls


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done for one artifact, or would be done.

    Attributes:
        name: The name of the artifact.
        artifact: The folder of the artifact; for a URL, the one in which it was built.
        status: `built`, `up to date`, `kept` (an artifact of real data, which sample data would
            have replaced) or, in a dry run, `to build`.
        reasons: Why each stage had to run, by stage.
        sample: Whether any raw file was generated.
        rows: How many rows each split has; empty before a build.
        seconds: How long each stage took, for the stages that ran.
        notes: What the user should know, one line each.
        url: The URL of the artifact; empty if it is in a folder.
    """

    name: str
    artifact: Path
    status: str
    reasons: dict[str, str]
    sample: bool
    rows: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    url: str = ""

    @property
    def place(self) -> str:
        """The URL or the folder of the artifact."""
        return self.url or str(self.artifact)

    def named_by_urls(self, urls: Mapping[Path, str]) -> Self:
        """Return the outcome with notes that name URLs in place of folders of this machine."""
        return replace(self, notes=tuple(with_urls(note, urls) for note in self.notes))

    def to_dict(self) -> dict[str, Any]:
        """Return the facts for JSON."""
        return {
            "name": self.name,
            "artifact": self.place,
            "status": self.status,
            "reasons": self.reasons,
            "sample": self.sample,
            "rows": self.rows,
            "seconds": self.seconds,
            "notes": list(self.notes),
        }

    def line(self) -> str:
        """Return the outcome in one line."""
        why = self.reasons.get("shard") or self.reasons.get("clean")
        took = f" in {sum(self.seconds.values()):.1f} s" if self.seconds else ""
        rows = ", ".join(f"{split} {n:,}" for split, n in self.rows.items())
        parts = [
            f"{self.status}{took}" + (f" ({why})" if why else ""),
            f"rows: {rows}" if rows else "",
            "SAMPLE DATA" if self.sample else "",
            self.place,
        ]
        return "  ".join(part for part in parts if part)
