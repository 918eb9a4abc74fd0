"""Writes predictions while they are made, as CSV, lines of JSON or Parquet."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from torch import Tensor

from shardmill.atomic import new_file
from shardmill.errors import OutputError
from shardmill.training.saved.answer_columns import AnswerColumns

OutputFormat = Literal["csv", "jsonl", "parquet"]
_FIX = "choose another file with --out, or make room and permissions"


class Predicted(NamedTuple):
    """The predictions for some rows.

    Attributes:
        answers: Probabilities [b, classes] or numbers [b], float32.
        rows: The numbers of the rows, int64 [b].
        kept: The columns [b] that go along.
    """

    answers: Tensor
    rows: npt.NDArray[np.int64]
    kept: pa.Table


def write_predictions(
    predicted: Iterable[Predicted],
    columns: AnswerColumns,
    out: IO[bytes],
    *,
    form: OutputFormat,
    keep: Sequence[str] = (),
) -> int:
    """Write a row for each prediction, and return how many there were.

    The columns are `row` (its number in the file, from 0), those that go along, and those of the
    answers.
    Numbers are float32. As text they have the fewest digits that are read back as the same number.

    Args:
        predicted: The predictions in batches.
        columns: The columns of the answers.
        out: The file to write to.
        form: The format of the output.
        keep: The names of the columns that go along.
    """
    schema = pa.schema(
        [("row", pa.int64())]
        + [(name, pa.string()) for name in keep]
        + list(columns.types().items())
    )
    writer = _WRITERS[form](out, schema)
    written = 0
    for batch in predicted:
        kept = [batch.kept.column(name).to_pylist() for name in keep]
        writer.write([batch.rows.tolist(), *kept, *columns.cells(batch.answers)])
        written += len(batch.rows)
    writer.close()
    return written


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
    def write(self, columns: Sequence[Any]) -> None:
        """Write a batch, given the cells [b] of each column."""

    def close(self) -> None:
        """Write what is left."""


class _Csv:
    def __init__(self, out: IO[bytes], schema: pa.Schema) -> None:
        self._out = out
        # The header is written with the first rows, so that nothing is written if these fail.
        self._header = [schema.names]

    def write(self, columns: Sequence[Any]) -> None:
        # str() of a float32 has the fewest digits that are read back as the same number.
        self._write([list(map(str, cells)) for cells in zip(*columns, strict=True)])

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
    def __init__(self, out: IO[bytes], schema: pa.Schema) -> None:
        self._out = out
        self._names = schema.names

    def write(self, columns: Sequence[Any]) -> None:
        lines = []
        for cells in zip(*columns, strict=True):
            values = [float(str(cell)) if isinstance(cell, np.floating) else cell for cell in cells]
            facts = dict(zip(self._names, values, strict=True))
            lines.append(json.dumps(facts, ensure_ascii=False) + "\n")
        self._out.write("".join(lines).encode())
        self._out.flush()

    def close(self) -> None:
        self._out.flush()


class _Parquet:
    def __init__(self, out: IO[bytes], schema: pa.Schema) -> None:
        self._schema = schema
        self._file = pq.ParquetWriter(out, schema)

    def write(self, columns: Sequence[Any]) -> None:
        arrays = [pa.array(c, f.type) for c, f in zip(columns, self._schema, strict=True)]
        self._file.write_table(pa.table(arrays, schema=self._schema))

    def close(self) -> None:
        self._file.close()


_WRITERS: Mapping[OutputFormat, Callable[[IO[bytes], pa.Schema], _Writer]] = {
    "csv": _Csv,
    "jsonl": _Jsonl,
    "parquet": _Parquet,
}
