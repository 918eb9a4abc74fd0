"""What object storage and local folders have in common: objects by key, and seven verbs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What a store knows of an object without reading it.

    Attributes:
        key: The key of the object, below the URL of the store.
        bytes: Its size.
        etag: A text that another content of the same key does not have. None if the store has none.
    """

    key: str
    bytes: int
    etag: str | None


@dataclass(frozen=True, slots=True)
class Content:
    """A whole object.

    Attributes:
        content: The bytes of the object.
        etag: The etag of just this content; see `ObjectFacts`.
    """

    content: bytes
    etag: str | None


class Store(Protocol):
    """Objects by key. Keys have forward slashes, and are joined to the URL by one.

    Every verb raises a `StorageError` if the store refuses or fails. What may succeed when it is
    tried again was tried again before.

    Attributes:
        url: The URL of the store, or the path of a local folder, without a slash at its end.
    """

    url: str

    def get(self, key: str) -> Content:
        """Return a whole object.

        Raises:
            MissingObjectError: There is no such object.
        """
        ...

    def get_range(
        self, key: str, start: int = 0, *, stop: int | None = None, etag: str | None = None
    ) -> Iterator[bytes]:
        """Yield bytes [start, stop) of an object, block after block; without `stop`, to its end.

        All blocks are of one content, however often the connection is cut.

        Args:
            key: The key of the object.
            start: The first byte.
            stop: The byte after the last one. It may be past the end of the object.
            etag: What the object must have. Without it, any content is taken.

        Raises:
            MissingObjectError: There is no such object.
            ChangedObjectError: The object has another etag, or got another one meanwhile.
        """
        ...

    def put(self, key: str, content: bytes | Path) -> None:
        """Write an object, in place of one that is there. Nobody ever sees a part of it.

        Args:
            key: The key of the object.
            content: Its bytes, or the path of the file that holds them.
        """
        ...

    def put_if(self, key: str, content: bytes, *, etag: str | None) -> None:
        """Write an object only if nobody else did meanwhile.

        Args:
            key: The key of the object.
            content: Its bytes.
            etag: The etag that the object still must have. None if there must be no object.

        Raises:
            ChangedObjectError: There is an object, or one with another etag.
            UnsupportedStorageError: The store cannot do this in one step.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove an object. If there is none, nothing is done."""
        ...

    def list(self, prefix: str = "") -> Iterator[ObjectFacts]:
        """Yield the objects below a folder, in no order. A folder that is missing has none."""
        ...

    def head(self, key: str) -> ObjectFacts:
        """Return what is known of an object.

        Raises:
            MissingObjectError: There is no such object.
        """
        ...
