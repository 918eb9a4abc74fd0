"""Writes predictions while they are made, as CSV, lines of JSON or Parquet."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from torch import Tensor

from shardmill.atomic import new_file
from shardmill.errors import OutputError

OutputFormat = Literal["csv", "jsonl", "parquet"]
_FIX = "choose another file with --out, or make room and permissions"


def write_predictions(
    probabilities: Iterable[Tensor],
    classes: Sequence[str],
    out: IO[bytes],
    *,
    form: OutputFormat,
    all_classes: bool = False,
) -> int:
    """Write a row for each prediction, and return how many there were.

    The columns are `row` (counted from 0), `class` (the likeliest, or the first of equal ones) and
    `probability` (of that class); with `all_classes` there is also `p_<class>` for each class.
    Numbers are float32. As text they have the fewest digits that are read back as the same number.

    Args:
        probabilities: The probabilities in batches [b, classes].
        classes: The names of the classes.
        out: The file to write to.
        form: The format of the output.
        all_classes: Whether to write a column for each class.
    """
    columns = [f"p_{name}" for name in classes] if all_classes else []
    writer = _WRITERS[form](out, columns)
    row = 0
    for batch in probabilities:
        shares = batch.numpy()
        indices = shares.argmax(1)
        best = np.take_along_axis(shares, indices[:, None], 1)[:, 0]
        names = [classes[index] for index in indices]
        writer.write(row, names, best, shares if all_classes else shares[:, :0])
        row += len(batch)
    writer.close()
    return row


@contextmanager
def open_output(path: Path, *, stream: bool = False) -> Iterator[IO[bytes]]:
    """Give a file to write, which is renamed into its place only if all goes well.

    If the path is a link, the file that it leads to is replaced. A pipe or device is never
    replaced: a `stream` is written to it directly, and anything else is refused.

    Raises:
        OutputError: The file cannot be written.
    """
    try:
        if not path.exists() or path.is_file():
            with _replace(path) as file:
                yield file
        elif stream:
            with path.open("wb") as file:
                yield file
        else:
            found = "a folder" if path.is_dir() else "a pipe or device"
            raise OutputError(path, expected="a regular file", found=found, fix=_FIX)
    except BrokenPipeError:
        raise  # the reader of a pipe has stopped reading
    except OSError as error:
        raise OutputError.unwritable(error.filename or path, error, fix=_FIX) from None


@contextmanager
def _replace(path: Path) -> Iterator[IO[bytes]]:
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        found = f"no folder {target.parent}"
        raise OutputError(path, expected="a folder that can be written", found=found, fix=_FIX)
    try:
        with new_file(target) as file:
            yield file
    except OSError as error:
        if error.filename == str(target):
            error.filename = str(path)  # the name that the user knows
        raise


class _Writer(Protocol):
    def write(self, row: int, names: Sequence[str], best: Any, shares: Any) -> None:
        """Write a batch.

        Args:
            row: The number of its first row.
            names: The likeliest class of each row [b].
            best: The probability of that class [b].
            shares: The probabilities of the classes that have columns [b, c].
        """

    def close(self) -> None:
        """Write what is left."""


class _Csv:
    def __init__(self, out: IO[bytes], columns: Sequence[str]) -> None:
        self._out = out
        # The header is written with the first rows, so that nothing is written if these fail.
        self._header = [["row", "class", "probability", *columns]]

    def write(self, row: int, names: Sequence[str], best: Any, shares: Any) -> None:
        # str() of a float32 has the fewest digits that are read back as the same number.
        cells = zip(range(row, row + len(names)), names, best, shares, strict=True)
        self._write([n, name, str(p), *map(str, others)] for n, name, p, others in cells)

    def close(self) -> None:
        self._write([])

    def _write(self, rows: Iterable[Sequence[Any]]) -> None:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows(self._header)
        writer.writerows(rows)
        self._header = []
        self._out.write(text.getvalue().encode())
        self._out.flush()


class _Jsonl:
    def __init__(self, out: IO[bytes], columns: Sequence[str]) -> None:
        self._out = out
        self._columns = columns

    def write(self, row: int, names: Sequence[str], best: Any, shares: Any) -> None:
        lines = []
        for n, (name, p, others) in enumerate(zip(names, best, shares, strict=True), row):
            facts = {"row": n, "class": name, "probability": float(str(p))}
            facts |= {c: float(str(q)) for c, q in zip(self._columns, others, strict=True)}
            lines.append(json.dumps(facts, ensure_ascii=False) + "\n")
        self._out.write("".join(lines).encode())
        self._out.flush()

    def close(self) -> None:
        self._out.flush()


class _Parquet:
    def __init__(self, out: IO[bytes], columns: Sequence[str]) -> None:
        types = {"row": pa.int64(), "class": pa.string(), "probability": pa.float32()}
        self._schema = pa.schema(types | dict.fromkeys(columns, pa.float32()))
        self._file = pq.ParquetWriter(out, self._schema)

    def write(self, row: int, names: Sequence[str], best: Any, shares: Any) -> None:
        columns = [range(row, row + len(names)), names, best, *shares.T]
        arrays = [pa.array(c, f.type) for c, f in zip(columns, self._schema, strict=True)]
        self._file.write_table(pa.table(arrays, schema=self._schema))

    def close(self) -> None:
        self._file.close()


_WRITERS: Mapping[OutputFormat, Callable[[IO[bytes], Sequence[str]], _Writer]] = {
    "csv": _Csv,
    "jsonl": _Jsonl,
    "parquet": _Parquet,
}
