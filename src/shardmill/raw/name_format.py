"""Names the format of a file by its first bytes, for files that stand where another is expected."""

import re

# The signatures are those of the formats' own specifications. No text begins with them.
_SIGNATURES = {
    b"PK\x03\x04": "a zip archive or workbook",
    b"ARROW1\0\0": "Arrow IPC",
    b"\x89PNG\r\n\x1a\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"%PDF-": "a PDF",
    b"\x93NUMPY": "an array of numpy",
    b"\x89HDF\r\n\x1a\n": "HDF5",
    b"SQLite format 3\0": "a database of SQLite",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "a workbook or document of Office 97",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
}
# Two zeros, the type of an element and the number of dimensions; see `read_idx`.
_IDX = rb"\0\0[\x08\x09\x0b-\x0e][\x01-\x40]"
# A column of a CSV file may be called PAR1. What follows in a file of Parquet is no text.
_PARQUET = rb"PAR1[^\t\n\r -\xff]"
_TAR = slice(257, 262)
_KEYS = {"Parquet": "parquet", "Arrow IPC": "arrow", "an IDX file": "images"}
_ARCHIVES = ("zip", "tar", "7z", "RAR")


def name_format(start: bytes) -> str | None:
    r"""Return in words what a file is that begins with `start`; None if that is not known.

    Args:
        start: The first bytes of the file, at least 262 if it has so many.

    Example:
        >>> name_format(b"PAR1\x15\x04")
        'Parquet'
        >>> name_format(b"PAR1,PAR2\n1,2\n")
    """
    if start[_TAR] == b"ustar":
        return "a tar archive"
    if re.match(_IDX, start):
        return "an IDX file"
    if re.match(_PARQUET, start):
        return "Parquet"
    return next((name for magic, name in _SIGNATURES.items() if start.startswith(magic)), None)


def reads_it(name: str) -> str:
    """Return what to do with a file of a format that `name_format` returned."""
    if name.endswith("image"):
        return 'images in files of their own are read by a recipe of kind = "image"'
    if name == "an array of numpy":
        return 'name it under images or labels of a recipe of kind = "image"'
    if any(archive in name for archive in _ARCHIVES):
        return "unpack it, and name the file that was in it"
    if name in _KEYS:
        return f"name it as {_KEYS[name]} = {{ path = ... }} in the split of the recipe"
    return "name another file in the recipe, or write its rows as the recipe expects them"
