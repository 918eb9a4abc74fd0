"""Reads rows of JSON Lines files (https://jsonlines.org): a JSON object on each line, in UTF-8."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

import pyarrow as pa

from shardmill.errors import ChangedFileError, JsonFormatError, RowTooLongError
from shardmill.raw.decompress import open_raw
from shardmill.raw.file_rows import FileRows
from shardmill.raw.raw_files import RawContent
from shardmill.raw.row_source import NOT_SCANNED, BadPlace, Place, ReadRows, SourceColumns
from shardmill.raw.tables.check_schema import check_schema
from shardmill.raw.tables.parse_json import BadLine, parse_lines, types_of
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.splits import Split
from shardmill.recipe.tabular_recipe import TabularRecipe

if TYPE_CHECKING:
    from shardmill.raw.cut_scanned import ScannedFile
    from shardmill.raw.scan_ranges import ScanRule

_BOM = b"\xef\xbb\xbf"
_LONGEST = 64 * 2**20  # as of CSV files
LOOKED_AT = 2**20  # bytes of a file that say which keys it has, and of which types


@dataclass(frozen=True, slots=True)
class JsonChunk:
    """Some whole lines of one of several files.

    Attributes:
        file: The number of the file.
        start: The byte at which they begin.
        stop: The byte after them.
        line: The line of the first byte, counted from 1.
        types: The wanted keys, and the types in which they are likely.
    """

    file: int
    start: int
    stop: int
    line: int
    types: Mapping[str, pa.DataType]

    @property
    def bytes(self) -> int:
        """How many bytes the lines take."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class JsonLinesSource:
    """Rows of JSON Lines files.

    Attributes:
        json_files: The files, in the order of their rows.
        columns: The columns of the files.
        floats: The columns whose numbers are read as floats.
        others_fail: Whether a column that the recipe does not name is an error. It is looked for in
            the first mebibyte of a file.
        bad_fail: Whether a line that is no row is an error.
    """

    json_files: tuple[FileRows, ...]
    columns: SourceColumns
    floats: tuple[str, ...]
    others_fail: bool
    bad_fail: bool

    @classmethod
    def of_split(
        cls,
        recipe: AnyRecipe,
        split: Split,
        raw: Mapping[str, tuple[RawContent, ...]],
        columns: SourceColumns,
    ) -> "JsonLinesSource":
        """Return the rows of a split that has JSON Lines files of its own."""
        files = tuple(
            FileRows.of(recipe, split, raw, file, content)
            for file in split.files()
            for content in raw[file.path]
        )
        rules = recipe.rules()
        return cls(
            files,
            replace(columns, labelled=split.labelled),
            _floats(recipe),
            others_fail=rules.other_columns == "fail",
            bad_fail=rules.on_bad_row == "fail",
        )

    @classmethod
    def of_file(
        cls, recipe: AnyRecipe, file: RawContent, columns: SourceColumns
    ) -> "JsonLinesSource":
        """Return the rows of a file to predict, which may lack the targets."""
        bad_fail = recipe.rules().on_bad_row == "fail"
        unlabelled = replace(columns, labelled=False)
        return cls(
            (FileRows(file),), unlabelled, _floats(recipe), others_fail=False, bad_fail=bad_fail
        )

    def failing(self) -> "JsonLinesSource":
        """Return the same rows, of which the first bad one is an error whatever the recipe says."""
        return replace(self, bad_fail=True)

    def files(self) -> tuple[RawContent, ...]:
        """Return the files."""
        return tuple(file.content for file in self.json_files)

    def scan_rules(self) -> "list[ScanRule]":
        """Return how lines end in each file: at a LF, wherever it stands."""
        from shardmill.raw.scan_ranges import ScanRule  # few files are that large

        return [ScanRule()] * len(self.json_files)

    def chunks(
        self, chunk_bytes: int, scanned: "Mapping[int, ScannedFile]" = NOT_SCANNED
    ) -> Iterator[JsonChunk]:
        """Yield chunks of about `chunk_bytes` bytes, the files one after another.

        Args:
            chunk_bytes: The most bytes of a chunk, unless a single line is longer.
            scanned: What is known of some files, by their number.

        Raises:
            ColumnsError: The keys of a file are not the columns of the recipe.
            JsonFormatError: A file holds one list in place of a line for each row.
            RowTooLongError: A line is longer than 64 MiB.
        """
        for number in range(len(self.json_files)):
            yield from self._chunks_of(number, chunk_bytes, scanned.get(number))

    def rest(self, chunk: JsonChunk, chunk_bytes: int) -> Iterator[JsonChunk]:
        """Yield the chunks of the same file that come after a chunk, as `chunks` does."""
        for other in self._chunks_of(chunk.file, chunk_bytes):
            if other.start >= chunk.stop:
                yield other

    def _chunks_of(
        self, number: int, chunk_bytes: int, scanned: "ScannedFile | None" = None
    ) -> Iterator[JsonChunk]:
        content = self.json_files[number].content
        with open_raw(content.readable) as file:
            types = self._types(self.json_files[number], file.read(LOOKED_AT))
            file.seek(0)
            start = len(_BOM) if file.read(len(_BOM)) == _BOM else 0
            line = 1
            while True:
                while scanned is not None and (cut := scanned.cut(file, start, chunk_bytes)):
                    yield JsonChunk(number, start, cut.stop, line, types)
                    start, line = cut.stop, line + cut.lines
                file.seek(start)
                if not (data := _lines(file, chunk_bytes, f"{content.path}, line {line}")):
                    break
                yield JsonChunk(number, start, start + len(data), line, types)
                start, line = start + len(data), line + data.count(b"\n")

    def _types(self, file: FileRows, begin: bytes) -> dict[str, pa.DataType]:
        """Return the types of the wanted keys of a file, by the lines that it begins with."""
        path, begin = file.content.path, begin.removeprefix(_BOM)
        if begin.lstrip().startswith(b"["):
            raise JsonFormatError(
                path,
                expected="a JSON object on each line",
                found="a list",
                fix="write each element on a line of its own, as `jq -c '.[]'` does",
            )
        known = types_of(begin.splitlines(), self.floats)
        columns = self.columns.with_others(file.columns())
        if known:
            schema = pa.schema(list(known.items()))
            check_schema(schema, columns, path, others_fail=self.others_fail)
        return {name: known.get(name, pa.string()) for name in columns.wanted()}

    def read(self, chunk: JsonChunk) -> ReadRows:
        """Return the wanted columns of a chunk.

        Raises:
            JsonFormatError: A line is no row, and such lines are not put in quarantine.
            ChangedFileError: The file has become shorter.
        """
        file, data = self.json_files[chunk.file], self._data(chunk)
        parsed = parse_lines(data, chunk.types)
        bad = self._bad(chunk, parsed.bad, data) if parsed.bad else []
        if bad and self.bad_fail:
            reason, place = bad[0].reason, bad[0].place
            expected, _, found = reason.partition(", found ")
            raise JsonFormatError(
                place,
                expected=expected.removeprefix("expected "),
                found=found,
                fix='correct the line, or set rows.on_bad_row = "quarantine" in the recipe',
            )
        taken = file.take(parsed.table, self.columns.wanted())
        return ReadRows(taken.table, bad, taken.untaken)

    def places(self, chunk: JsonChunk, rows: Sequence[int], column: str) -> list[Place]:  # noqa: ARG002
        """Return the lines of some rows of a chunk's table."""
        file, data = self.json_files[chunk.file], self._data(chunk)
        parsed = parse_lines(data, chunk.types)
        positions = file.positions(parsed.table, rows)
        lines = positions if parsed.lines is None else [parsed.lines[at] for at in positions]
        texts = data.split(b"\n") if lines else []
        return [
            Place(file.content.path, "line", chunk.line + line, _text(texts[line]))
            for line in lines
        ]

    def _bad(self, chunk: JsonChunk, bad: Sequence[BadLine], data: bytes) -> list[BadPlace]:
        path, texts = self.json_files[chunk.file].content.path, data.split(b"\n")
        return [
            BadPlace(Place(path, "line", chunk.line + line, _text(texts[line])), reason)
            for line, reason in bad
        ]

    def _data(self, chunk: JsonChunk) -> bytes:
        content = self.json_files[chunk.file].content
        with open_raw(content.readable) as file:
            file.seek(chunk.start)
            data = file.read(chunk.bytes)
        if len(data) != chunk.bytes:
            raise ChangedFileError(
                content.path,
                expected="the size that it had when its rows were found",
                found="an earlier end",
                fix="leave the file alone while it is read",
            )
        return data


def _floats(recipe: AnyRecipe) -> tuple[str, ...]:
    if not isinstance(recipe, TabularRecipe):
        return ()
    return tuple(name for name, column in recipe.columns.items() if column.dtype == "float64")


def _lines(file: IO[bytes], chunk_bytes: int, where: str) -> bytes:
    """Return about `chunk_bytes` bytes of whole lines; nothing at the end of the file."""
    data = file.read(chunk_bytes)
    end = data.rfind(b"\n") + 1
    if end:
        file.seek(end - len(data), 1)
        return data[:end]
    rest = file.readline(_LONGEST) if len(data) == chunk_bytes else b""
    if len(rest) == _LONGEST:
        raise RowTooLongError(
            where,
            expected=f"a line of at most {_LONGEST:,} bytes",
            found="a longer one",
            fix="write each row on a line of its own",
        )
    return data + rest


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")
