"""Reads a small object at a URL."""

from shardmill.store.open_store import open_store


def read_bytes(url: str, most_bytes: int) -> bytes:
    """Return the bytes of an object. Of one with more than `most_bytes`, one byte more comes.

    So an object that does not end, or a large one that was taken for a small one, is not read
    further.

    Args:
        url: The URL of the object.
        most_bytes: How many bytes it may have.

    Raises:
        MissingObjectError: There is no such object.
        StorageError: The store refused or failed.
        MissingLibraryError: The library for this kind of URL is not installed.
    """
    folder, _, name = url.rpartition("/")
    content = bytearray()
    # A whole object is asked for without a range, which some servers of HTTP do not know.
    for block in open_store(folder).get_range(name):
        content += block
        if len(content) > most_bytes:
            break
    return bytes(content[: most_bytes + 1])
