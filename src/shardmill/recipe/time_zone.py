"""The time zones that a recipe may name: those of the IANA database."""

import hashlib
import zoneinfo
from importlib import resources
from pathlib import Path


def zone_fault(name: str) -> str:
    """Return what is wrong with the name of a zone; empty if nothing is."""
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return f"{name!r} is no zone of the IANA database, as Europe/Berlin is"
    if name == "localtime":
        return "localtime is another zone on each machine"
    return ""


def zone_digest(name: str) -> str:
    """Return the SHA-256 of the rules of a zone, in hexadecimal digits.

    Governments change the rules, and a table of local times is another one then.
    """
    return hashlib.sha256(_rules(name)).hexdigest()


def _rules(name: str) -> bytes:
    # zoneinfo looks in these places, too.
    for folder in zoneinfo.TZPATH:
        file = Path(folder, name)
        if file.is_file():
            return file.read_bytes()
    return resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
