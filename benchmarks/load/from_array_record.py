"""array_record, through grain as its documentation shows it and through torch's DataLoader."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from load.case import Case
from load.contender import Contender, Pass, peer_place
from load.records import record_format, records_between
from load.torch_loader import pad_rows, plain_loader


def _write(case: Case, place: Path) -> None:
    from array_record.python import array_record_module

    place.mkdir(parents=True)
    # Groups of one row are what grain asks for; compression would only cost time here.
    options = "group_size:1,uncompressed"
    writer = array_record_module.ArrayRecordWriter(str(place / "rows.array_record"), options)
    for record in records_between(case, 0, case.rows):
        writer.write(record)
    writer.close()


def _open(_case: Case, place: Path) -> Any:
    from array_record.python import array_record_data_source

    return array_record_data_source.ArrayRecordDataSource(str(place / "rows.array_record"))


def _pad(rows: Sequence[Any], padding_id: int) -> tuple[Any, Any]:
    # As arrays, which its worker processes send through shared memory.
    x, y = pad_rows(rows, padding_id)
    return x.numpy(), y.numpy()


def _load_grain(source: Any, case: Case, settings: Pass) -> Any:
    import grain

    rows = grain.MapDataset.source(source)
    if settings.shuffle:
        rows = rows.shuffle(seed=settings.seed)
    stack = partial(_pad, padding_id=case.padding_id) if case.is_text else None
    batches = rows.map(record_format(case).row).batch(case.batch_size, batch_fn=stack)
    # Without read-ahead threads: on rows in the page cache they cost more than they bring.
    options = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)
    loader = batches.to_iter_dataset(options)
    if settings.workers == 0:
        return loader
    return loader.mp_prefetch(grain.MultiprocessingOptions(num_workers=settings.workers))


def _load_torch(source: Any, case: Case, settings: Pass) -> Any:
    return plain_loader(source, case, settings, collate=record_format(case).batch)


_ARRAY_RECORD = partial(
    Contender,
    place=peer_place("array_record"),
    open=_open,
    write=_write,
)
_SOURCE = "array_record.python.array_record_data_source"

CONTENDERS = (
    _ARRAY_RECORD(
        name="grain on array_record",
        package="grain",
        imports=("grain", _SOURCE),
        load=_load_grain,
    ),
    _ARRAY_RECORD(
        name="array_record, torch DataLoader",
        package="array-record",
        imports=(_SOURCE,),
        load=_load_torch,
    ),
)
