"""The errors of object storage: one class for each way in which it refuses or fails."""

from shardmill.shardmill_error import ShardmillError


class StorageError(ShardmillError):
    """Object storage that did not do what was asked of it."""

    exit_code = 8


class CredentialsError(StorageError):
    """Credentials that are missing, unknown, out of date, or not good enough."""


class RegionError(StorageError):
    """A bucket that is in another region than the one that was named."""


class MissingObjectError(StorageError):
    """No object, or no bucket, at the URL."""


class ChangedObjectError(StorageError):
    """An object that another one took the place of, while it was read or before it was replaced."""


class UnreachableError(StorageError):
    """A server that does not answer."""


class StorageAnswerError(StorageError):
    """An answer of a server that says that it failed, after all tries."""


class UnsupportedStorageError(StorageError):
    """A URL whose storage cannot do what is asked of it."""


class ForkedError(StorageError):
    """A process that was forked from one which has used object storage."""


class PublishedMeanwhileError(StorageError):
    """An artifact that somebody else published at the same URL, while this one was pushed."""
