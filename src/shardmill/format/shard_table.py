"""The records of very many shards as one table: a safetensors file beside the shards.

A record in JSON takes 245 bytes, and a Python object 1,700. In a table it takes 32 and a few more
for each ragged field, and all records are read and checked at once. `ShardTable` makes a record
when one is asked for. The paths of the shards follow from that of the table.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from shardmill.format.file_record import FileRecord, ShardRecord
from shardmill.format.layout import DTYPES, Field
from shardmill.format.shard_file import check_file, read_header

# A split with more shards has a table. A list of so many takes 70 ms to read.
MOST_LISTED_SHARDS = 10_000
TABLE_SUFFIX = ".shards.safetensors"

_DIGEST_BYTES = 16
# So many records are held until they become columns.
_RECORDS = 1_000
_ALWAYS = {"bytes", "rows", "xxh3_128"}
_BY_FIELD = ("values", "longest", "unknown")

Counts = npt.NDArray[np.int64]
Digests = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class ShardCounts:
    """The numbers in the records of all S shards of a split.

    Attributes:
        bytes: The size of each file, [S].
        rows: How many rows each shard has, [S].
        values: How many values all rows of a shard have together, [S] for each ragged field.
        longest: How many values its longest row has, [S] for each ragged field.
        unknown: How many values are unknown, [S] for each text or column that has such values.
    """

    bytes: Counts
    rows: Counts
    values: Mapping[str, Counts] = field(default_factory=dict)
    longest: Mapping[str, Counts] = field(default_factory=dict)
    unknown: Mapping[str, Counts] = field(default_factory=dict)

    def faults(self, fields: Sequence[Field], rows: int, *, rows_per_shard: int) -> Iterator[str]:
        """Yield what is wrong with the numbers of a split of so many rows; see FORMAT.md.

        Args:
            fields: The fields of the split.
            rows: How many rows the split has.
            rows_per_shard: How many rows each of its shards has but the last.
        """
        ragged = {field.name for field in fields if field.ragged}
        if set(self.values) != ragged or set(self.longest) != ragged:
            yield "must count the values of each ragged field"
            return
        several = (getattr(self, kind) for kind in _BY_FIELD)
        every = [self.bytes, self.rows, *(counts for each in several for counts in each.values())]
        if any((counts < 0).any() for counts in every):
            yield "counts are from 0 on"
            return
        last = self.rows[-1:].tolist()
        if (self.rows[:-1] != rows_per_shard).any() or not all(
            0 < n <= rows_per_shard for n in last
        ):
            yield "only the last shard may hold another number of rows than the others"
            return
        held = rows_per_shard * (len(self.rows) - len(last)) + sum(last)
        if held != rows:
            yield f"the shards hold {held:,} rows, not {rows:,}"
        for name, values in self.values.items():
            longest = self.longest[name]
            # Readers make room for one longest row past the end. A quotient has no overflow.
            wrong = (longest > values) | (-(-values // self.rows) > longest)
            for at in np.flatnonzero(wrong)[:1].tolist():
                yield (
                    f"shard {at:,}: {self.rows[at]:,} rows of at most {longest[at]:,} values do "
                    f"not hold {values[at]:,}"
                )


class ShardTable(Sequence[ShardRecord]):
    """The records of the shards of a split, each made when it is asked for.

    Args:
        record: The file of the table.
        counts: The numbers of all records.
        digests: The checksums of all shards, [S, 16] uint8.

    Raises:
        ValueError: The file is not called as tables are.
    """

    def __init__(self, record: FileRecord, counts: ShardCounts, digests: Digests) -> None:
        if not record.path.endswith(TABLE_SUFFIX):
            raise ValueError(f"a table of shards is called <split>{TABLE_SUFFIX}")
        self.record = record
        self.counts = counts
        self._digests = digests
        self._prefix = record.path.removesuffix(TABLE_SUFFIX)

    def totals(self, kind: Literal["values", "unknown"]) -> Counter[str]:
        """Return the sums of the counts of a kind over all shards."""
        counts: Mapping[str, Counts] = getattr(self.counts, kind)
        # Python's integers have no limit, which counts of a damaged table might exceed.
        return Counter({name: sum(each.tolist()) for name, each in counts.items()})

    def path(self, index: int) -> str:
        """Return the path of a shard, from 0 on."""
        return f"{self._prefix}-{index:05d}.safetensors"

    def __len__(self) -> int:
        return len(self.counts.rows)

    @overload
    def __getitem__(self, index: int) -> ShardRecord: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[ShardRecord, ...]: ...

    def __getitem__(self, index: int | slice) -> ShardRecord | tuple[ShardRecord, ...]:
        """Return the record of a shard, or those of several.

        Raises:
            IndexError: There is no such shard.
        """
        if isinstance(index, slice):
            return tuple(self[at] for at in range(*index.indices(len(self))))
        if not -len(self) <= index < len(self):
            raise IndexError(f"shard {index:,} of {len(self):,}")
        index %= len(self)
        counts = self.counts
        several = {
            kind: {name: int(each[index]) for name, each in getattr(counts, kind).items()}
            for kind in _BY_FIELD
        }
        return ShardRecord(
            path=self.path(index),
            bytes=int(counts.bytes[index]),
            xxh3_128=self._digests[index].tobytes().hex(),
            rows=int(counts.rows[index]),
            **several,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ShardTable) and self.record == other.record

    def __hash__(self) -> int:
        return hash((self.record.path, self.record.xxh3_128))


def counts_of(shards: Sequence[ShardRecord], fields: Sequence[Field]) -> ShardCounts:
    """Return the numbers of the shards of a split, from their table if they have one.

    Args:
        shards: The records of the shards.
        fields: The fields of the split.
    """
    if isinstance(shards, ShardTable):
        return shards.counts
    ragged = [field.name for field in fields if field.ragged]
    features = sorted({name for shard in shards for name in shard.unknown})
    return ShardCounts(
        _counts(shard.bytes for shard in shards),
        _counts(shard.rows for shard in shards),
        {name: _counts(shard.values[name] for shard in shards) for name in ragged},
        {name: _counts(shard.longest[name] for shard in shards) for name in ragged},
        {name: _counts(shard.unknown.get(name, 0) for shard in shards) for name in features},
    )


def columns_of(
    shards: Iterable[ShardRecord], fields: Sequence[Field]
) -> tuple[ShardCounts, Digests]:
    """Return the numbers and the checksums, [S, 16], of records, of which only some are held.

    Args:
        shards: The records of the shards of a split, in order.
        fields: The fields of the split.
    """
    remaining = iter(shards)
    counts, digests = [counts_of((), fields)], [_digests(())]
    while some := tuple(islice(remaining, _RECORDS)):
        counts.append(counts_of(some, fields))
        digests.append(_digests(some))
    several = (_joined(counts, kind) for kind in _BY_FIELD)
    size, rows = (np.concatenate([getattr(c, name) for c in counts]) for name in ("bytes", "rows"))
    return ShardCounts(size, rows, *several), np.concatenate(digests)


def _joined(counts: Sequence[ShardCounts], kind: str) -> dict[str, Counts]:
    """Return the counts of a kind one after another. What some do not count is 0 there."""
    names = sorted({name for some in counts for name in getattr(some, kind)})
    return {
        name: np.concatenate(
            [getattr(some, kind).get(name, np.zeros(len(some.rows), np.int64)) for some in counts]
        )
        for name in names
    }


def path_of(shards: Sequence[ShardRecord], index: int) -> str:
    """Return the path of a shard, from 0 on, without the rest of its record."""
    return shards.path(index) if isinstance(shards, ShardTable) else shards[index].path


def read_table(artifact: Path, record: FileRecord) -> ShardTable:
    """Return the table in a file of an artifact.

    Raises:
        DamagedFileError: The file is missing, differs from its record, or is no safetensors.
        ValueError: It holds other tensors than a table has.
    """
    check_file(artifact, record)
    path = artifact / record.path
    header = read_header(path)
    header.pop("__metadata__", None)
    ends = [facts["data_offsets"][1] for facts in header.values()]
    with path.open("rb") as file:
        file.seek(record.bytes - max(ends, default=0))
        data = file.read()
    tensors = {name: _tensor(data, name, facts) for name, facts in header.items()}
    if len({len(tensor) for tensor in tensors.values()}) > 1:
        raise ValueError("each tensor of a table has a row for each shard")
    several: dict[str, dict[str, Any]] = {kind: {} for kind in _BY_FIELD}
    for name in tensors.keys() - _ALWAYS:
        kind, _, of = name.partition(".")
        if kind not in several or not of:
            raise ValueError(f"no tensor of a table is called {name}")
        several[kind][of] = tensors[name]
    missing = _ALWAYS - tensors.keys()
    if missing:
        raise ValueError(f"the table lacks {', '.join(sorted(missing))}")
    counts = ShardCounts(tensors["bytes"], tensors["rows"], **several)
    return ShardTable(record, counts, tensors["xxh3_128"])


def encode_table(counts: ShardCounts, digests: Digests) -> bytes:
    """Return the file of the table of the shards of a split; see `columns_of`."""
    tensors: dict[str, npt.NDArray[Any]] = {"bytes": counts.bytes, "rows": counts.rows}
    for kind in _BY_FIELD:
        tensors |= {f"{kind}.{name}": each for name, each in sorted(getattr(counts, kind).items())}
    # Last, since all others have elements of 8 bytes, which so lie at multiples of 8.
    tensors["xxh3_128"] = digests
    header, start = {}, 0
    for name, tensor in tensors.items():
        dtype = DTYPES["uint8" if tensor.dtype == np.uint8 else "int64"][0]
        offsets = [start, start + tensor.nbytes]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": offsets}
        start = offsets[1]
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    parts = (tensor.astype(tensor.dtype.newbyteorder("<")) for tensor in tensors.values())
    return len(text).to_bytes(8, "little") + text + b"".join(part.tobytes() for part in parts)


def _counts(numbers: Iterable[int]) -> Counts:
    return np.fromiter(numbers, np.int64)


def _digests(shards: Sequence[ShardRecord]) -> Digests:
    content = b"".join(bytes.fromhex(shard.xxh3_128) for shard in shards)
    return np.frombuffer(content, np.uint8).reshape(-1, _DIGEST_BYTES)


def _tensor(data: bytes, name: str, facts: Mapping[str, Any]) -> npt.NDArray[Any]:
    is_digest = name == "xxh3_128"
    width = (_DIGEST_BYTES,) if is_digest else ()
    dtype = np.dtype(np.uint8 if is_digest else "<i8")
    start, stop = facts["data_offsets"]
    rows = (stop - start) // (dtype.itemsize * (_DIGEST_BYTES if is_digest else 1))
    wanted = {"dtype": "U8" if is_digest else "I64", "shape": [rows, *width]}
    if any(facts.get(key) != value for key, value in wanted.items()):
        raise ValueError(f"{name}: a table has {wanted['dtype']} of shape {['shards', *width]}")
    return np.frombuffer(data[start:stop], dtype).reshape(rows, *width)
