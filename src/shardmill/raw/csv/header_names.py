"""Reads the names of the columns of a raw CSV file, which may be compressed."""

import codecs
from pathlib import Path
from tempfile import TemporaryDirectory

from shardmill.errors import RowTooLongError
from shardmill.raw.csv.csv_chunks import first_row
from shardmill.raw.decompress import open_raw
from shardmill.recipe.csv_options import Csv

_HEADER_BYTES = 2**24  # a million names of 16 characters


def header_names(path: Path, options: Csv) -> tuple[str, ...]:
    """Return the names in the header of a raw file; none if it has no row.

    Args:
        path: The raw file: plain or compressed, in any encoding.
        options: How the file is written. It has a header.

    Raises:
        RowTooLongError: The header does not end in the first 16 MiB.
        InputError: The file or its header cannot be read.
    """
    with open_raw(path) as file:
        start = file.read(_HEADER_BYTES)
    # The start may end inside a character.
    text = codecs.getincrementaldecoder(options.encoding)(errors="replace").decode(start)
    with TemporaryDirectory(prefix="shardmill-") as folder:
        plain = Path(folder) / "header"
        plain.write_bytes(text.encode())
        header = first_row(plain, options, name=path)
        if header is not None and len(start) == _HEADER_BYTES and header.stop == len(text.encode()):
            raise RowTooLongError(
                path,
                expected=f"a header in the first {_HEADER_BYTES:,} bytes",
                found="one that does not end there",
                fix="correct the file, or the keys of [csv] in the recipe",
            )
    return () if header is None else header.fields
