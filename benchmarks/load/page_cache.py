"""Drops files from the page cache, without privileges."""

import os
from pathlib import Path


def drop_pages(place: Path) -> bool:
    """Ask the system to forget the pages of a file, or of every file in a folder.

    Returns whether this system can be asked. Pages that are not on the disk yet are written first,
    since only clean ones are dropped.
    """
    if not hasattr(os, "posix_fadvise"):
        return False
    files = [place] if place.is_file() else [p for p in place.rglob("*") if p.is_file()]
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
    return True
