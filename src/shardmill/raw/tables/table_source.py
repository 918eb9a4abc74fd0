"""Reads rows of Parquet and Arrow files, whose columns have types."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from shardmill.errors import TableFormatError
from shardmill.raw.decompress import open_raw
from shardmill.raw.file_rows import FileRows
from shardmill.raw.raw_files import RawContent
from shardmill.raw.row_source import Place, ReadRows, SourceColumns
from shardmill.raw.tables import arrow_files, parquet_files
from shardmill.raw.tables.check_schema import check_schema, plain_columns
from shardmill.raw.tables.table_format import TableFormat, tables_of, unreadable_table
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.splits import Split
from shardmill.store.mounts import here

TABLE_FORMATS: Mapping[str, TableFormat] = {"parquet": parquet_files, "arrow": arrow_files}
# Texts that a dictionary holds once may take much more memory than the file says.
_MOST_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class TableChunk:
    """Some rows of a group of one of several files.

    Attributes:
        file: The number of the file.
        group: The number of the group in the file.
        rows: How many rows each chunk of the group has, but for the last one.
        index: The number of the chunk in its group.
        first: The number of the chunk's first row in the file.
        bytes: How many bytes of the file the group takes, if this is its last chunk; else 0. So a
            part ends where a group does, and each group is read by one process, from its start.
    """

    file: int
    group: int
    rows: int
    index: int
    first: int
    bytes: int


class _Cursor(threading.local):
    """The group that a thread read last, and where it goes on. Other threads have others."""

    def __init__(self) -> None:
        self._key: tuple[int, int, int] | None = None
        self._next = 0
        self._tables: Iterator[pa.Table] = iter(())

    def __reduce__(self) -> tuple[type["_Cursor"], tuple[()]]:
        return _Cursor, ()

    def read(self, source: "TableSource", chunk: TableChunk) -> pa.Table:
        """Return the rows of a chunk. Those before it are skipped, if they were not just read."""
        key = (chunk.file, chunk.group, chunk.rows)
        if key != self._key or self._next != chunk.index:
            self._tables = source.tables(chunk)
            for _ in range(chunk.index):
                next(self._tables)
        self._key, self._next = key, chunk.index + 1
        return next(self._tables)


@dataclass(frozen=True, slots=True)
class TableSource:
    """Rows of Parquet or Arrow files.

    Attributes:
        form: The format, by its key in a split of a recipe.
        table_files: The files, in the order of their rows.
        columns: The columns of the files.
        others_fail: Whether a column that the recipe does not name is an error.
    """

    form: str
    table_files: tuple[FileRows, ...]
    columns: SourceColumns
    others_fail: bool
    _cursor: _Cursor = field(default_factory=_Cursor, compare=False, repr=False)

    @classmethod
    def of_split(
        cls,
        recipe: AnyRecipe,
        split: Split,
        raw: Mapping[str, tuple[RawContent, ...]],
        columns: SourceColumns,
    ) -> "TableSource":
        """Return the rows of a split that has Parquet or Arrow files of its own."""
        (form,) = (key for key in TABLE_FORMATS if split.row_files(key))
        files = tuple(
            FileRows.of(recipe, split, raw, file, content)
            for file in split.files()
            for content in raw[file.path]
        )
        others_fail = recipe.rules().other_columns == "fail"
        return cls(form, files, replace(columns, labelled=split.labelled), others_fail)

    @classmethod
    def of_file(cls, recipe: AnyRecipe, file: RawContent, columns: SourceColumns) -> "TableSource":  # noqa: ARG003
        """Return the rows of a file to predict, which may lack the targets."""
        with open_raw(file.readable) as content:
            form = "parquet" if content.read(4) == b"PAR1" else "arrow"
        return cls(form, (FileRows(file),), replace(columns, labelled=False), others_fail=False)

    def failing(self) -> "TableSource":
        """Return the same rows. None is bad before its cells are read."""
        return self

    def files(self) -> tuple[RawContent, ...]:
        """Return the files."""
        return tuple(file.content for file in self.table_files)

    def chunks(self, chunk_bytes: int) -> Iterator[TableChunk]:
        """Yield chunks of about `chunk_bytes` bytes in memory, the files one after another.

        Raises:
            ColumnsError: The columns of a file are not those of the recipe.
            TableFormatError: A file cannot be read.
        """
        for number in range(len(self.table_files)):
            yield from self._chunks_of(number, chunk_bytes)

    def rest(self, chunk: TableChunk, chunk_bytes: int) -> Iterator[TableChunk]:
        """Yield the chunks of the same file that come after a chunk, as `chunks` does."""
        for other in self._chunks_of(chunk.file, chunk_bytes):
            if other.first > chunk.first:
                yield other

    def _chunks_of(self, number: int, chunk_bytes: int) -> Iterator[TableChunk]:
        file, form, first = self.table_files[number], self._format(), 0
        path, names = here(file.content.readable), self._names(file)
        try:
            schema = form.schema(path)
            columns = self.columns.with_others(file.columns())
            check_schema(schema, columns, file.content.path, others_fail=self.others_fail)
            groups = form.groups(path, names)
        except (pa.ArrowException, OSError) as error:
            raise unreadable_table(file.content.path, form.NAME, error) from None
        for group, facts in enumerate(groups):
            share = chunk_bytes * facts.rows // max(facts.memory_bytes, 1)
            rows = min(max(share, 1), _MOST_ROWS)
            count = -(-facts.rows // rows)
            for index in range(count):
                size = max(facts.file_bytes, 1) if index == count - 1 else 0
                yield TableChunk(number, group, rows, index, first + index * rows, size)
            first += facts.rows

    def read(self, chunk: TableChunk) -> ReadRows:
        """Return the wanted columns of a chunk, in the types of the file. No row is bad.

        Raises:
            TableFormatError: The file cannot be read.
        """
        file = self.table_files[chunk.file]
        taken = file.take(self._table(chunk), self.columns.wanted())
        return ReadRows(taken.table, [], taken.untaken)

    def places(self, chunk: TableChunk, rows: Sequence[int], column: str) -> list[Place]:  # noqa: ARG002
        """Return the numbers of some rows of a chunk's table in its file, counted from 0."""
        file = self.table_files[chunk.file]
        if file.where:
            rows = file.positions(self._table(chunk), rows)
        return [Place(file.content.path, "row", chunk.first + row, None) for row in rows]

    def tables(self, chunk: TableChunk) -> Iterator[pa.Table]:
        """Yield the rows of all chunks of a chunk's group."""
        file = self.table_files[chunk.file]
        names = self._names(file)
        batches = self._format().batches(here(file.content.readable), names, chunk.group)
        for table in tables_of(batches, chunk.rows):
            yield plain_columns(table.select(names))

    def _table(self, chunk: TableChunk) -> pa.Table:
        path = self.table_files[chunk.file].content.path
        try:
            return self._cursor.read(self, chunk)
        except (pa.ArrowException, OSError) as error:
            raise unreadable_table(path, self._format().NAME, error) from None
        except StopIteration:
            raise TableFormatError(
                path,
                expected="as many rows as the file says that it has",
                found="fewer",
                fix="write or fetch the file again",
            ) from None

    def _names(self, file: FileRows) -> list[str]:
        """Return the columns to read: those that are wanted, and those that say what to take."""
        return list(self.columns.with_others(file.columns()).wanted())

    def _format(self) -> TableFormat:
        return TABLE_FORMATS[self.form]
