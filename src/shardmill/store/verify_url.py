"""Compares an artifact with its checksums where it is."""

from collections.abc import Callable
from contextlib import suppress

import xxhash

from shardmill.errors import DamagedFileError, MissingObjectError
from shardmill.format.manifest import FileRecord
from shardmill.format.verify_artifact import Verified, raise_faults
from shardmill.store.open_store import open_store
from shardmill.store.read_manifest import parse_manifest, read_manifest
from shardmill.store.side_by_side import side_by_side


def verify_url(url: str) -> Verified:
    """Read every file of an artifact at a URL, except its card, and compare sizes and checksums.

    Nothing is kept.

    Raises:
        MissingArtifactError: There is no artifact at the URL.
        ManifestError: Its manifest is damaged.
        DamagedFileError: A file is missing, or differs in size or checksum.
        StorageError: The store refused or failed.
    """
    store = open_store(url)
    manifest = parse_manifest(store, read_manifest(store))
    records = [record for record in manifest.files() if record != manifest.card]
    faults: list[DamagedFileError] = []

    def check(record: FileRecord, stopped: Callable[[], bool]) -> None:
        digest, size = xxhash.xxh3_128(), 0
        with suppress(MissingObjectError):
            for block in store.get_range(record.path):
                digest.update(block)
                size += len(block)
                if stopped():
                    return
        found = digest.hexdigest()
        if (size, found) != (record.bytes, record.xxh3_128):
            expected = f"{record.bytes:,} bytes with xxh3_128 {record.xxh3_128}"
            fix = "push the artifact again with `shardmill push --force`"
            told = f"{size:,} bytes with {found}"
            where = f"{store.url}/{record.path}"
            faults.append(DamagedFileError(where, expected=expected, found=told, fix=fix))

    side_by_side(records, check)
    raise_faults(store.url, faults, files=len(records))
    return Verified(store.url, len(records), sum(record.bytes for record in records))
