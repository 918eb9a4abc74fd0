"""How much memory this process holds, on Linux."""

from dataclasses import dataclass
from pathlib import Path

_MIB = 1024  # of /proc's kB


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory in MiB.

    Attributes:
        own: anonymous pages, which no other process shares.
        total: these and the pages of mapped files, which are page cache.
    """

    own: float
    total: float


def resident(process: str = "self") -> Memory | None:
    """Return what is resident now (proc(5), RssAnon and VmRSS); None where that is not told."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return None
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    own, total = (int(lines[name].split()[0]) / _MIB for name in ("RssAnon", "VmRSS"))
    return Memory(own, total)


def growth(before: Memory | None, seen: list[Memory | None]) -> Memory | None:
    """Return by how much the highest of what was seen is above `before`, each kind for itself."""
    known = [memory for memory in seen if memory is not None]
    if before is None or not known:
        return None
    return Memory(
        max(memory.own for memory in known) - before.own,
        max(memory.total for memory in known) - before.total,
    )
