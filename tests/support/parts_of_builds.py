"""What the tests of build parts share."""

import gzip

from small_parts import (
    csv_rows,
)

ROWS = csv_rows(7_000)


def gzipped(text: str) -> bytes:
    return gzip.compress(text.encode())
