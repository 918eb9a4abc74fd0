"""Turns what obstore raises into our errors."""

import re
from collections.abc import Mapping

from shardmill.errors import (
    ChangedObjectError,
    CredentialsError,
    MissingObjectError,
    RegionError,
    StorageAnswerError,
    StorageError,
    UnreachableError,
    UnsupportedStorageError,
)

_MOST_CHARACTERS = 300

# obstore has one class for most failures. What it was stands in the text: the codes are those of
# the S3 API (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), and what a
# server of credentials inside a cloud is called.
_OF_REGION = (
    "incorrectly configured region",
    "AuthorizationHeaderMalformed",
    "PermanentRedirect",
    "IllegalLocationConstraint",
)
_OF_CREDENTIALS = (
    "169.254.169.254",
    "169.254.170.2",
    "metadata.google.internal",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "401 Unauthorized",
    "403 Forbidden",
)
_OF_CONNECTION = ("error sending request", "builder error", "connection", "timed out", "dns error")

_FIX_CREDENTIALS: Mapping[str, str] = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SKIP_SIGNATURE=true for what "
    "everybody may read",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account, or "
    "GOOGLE_SKIP_SIGNATURE=true for what everybody may read",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or "
    "AZURE_SKIP_SIGNATURE=true for what everybody may read",
}
_FIX_CONNECTION: Mapping[str, str] = {
    "s3": "check the network and AWS_ENDPOINT_URL; an endpoint that begins with http:// also needs "
    "AWS_ALLOW_HTTP=true",
}


# What obstore raises if it cannot go on at all. It is no `Exception`.
PANIC = "PanicException"


def cloud_error(url: str, error: BaseException) -> StorageError:
    """Return our error for one of obstore.

    Args:
        url: The URL of the object or folder concerned.
        error: What obstore raised.
    """
    text = str(error).partition("\n\nDebug source")[0]
    scheme = url.partition("://")[0]
    kind = type(error).__name__
    if kind in ("AlreadyExistsError", "PreconditionError"):
        expected, found = "the object that was there before", "another one"
        return ChangedObjectError(url, expected=expected, found=found, fix="begin again")
    if isinstance(error, NotImplementedError) or kind == "NotSupportedError":
        return unsupported(url, _told(text))
    if _has(str(error), _OF_REGION):
        fix = "set AWS_REGION to the region of the bucket"
        return RegionError(url, expected="a bucket of this region", found=_told(text), fix=fix)
    if "NoSuchBucket" in text:
        fix = "correct the URL, or make the bucket"
        return MissingObjectError(url, expected="a bucket", found=_told(text), fix=fix)
    if isinstance(error, FileNotFoundError):
        return MissingObjectError(url, expected="an object", found="none", fix="correct the URL")
    refused = kind in ("PermissionDeniedError", "UnauthenticatedError")
    if refused or _has(text, _OF_CREDENTIALS):
        fix = _FIX_CREDENTIALS.get(scheme, "check what the server lets you do")
        expected = "credentials that allow this"
        return CredentialsError(url, expected=expected, found=_told(text), fix=fix)
    if _has(text, _OF_CONNECTION):
        fix = _FIX_CONNECTION.get(scheme, "check the network and the URL")
        return UnreachableError(url, expected="an answer", found=_told(text), fix=fix)
    if kind == PANIC:
        fix = "look for a variable that is empty or wrong, such as AWS_ENDPOINT_URL"
        expected = "settings in the environment that obstore can use"
        return UnsupportedStorageError(url, expected=expected, found=_told(text), fix=fix)
    expected = "an answer that says that it is done"
    return StorageAnswerError(url, expected=expected, found=_told(text), fix="try again later")


def unsupported(url: str, found: str) -> UnsupportedStorageError:
    """Return the error for a store that cannot do what is asked of it."""
    expected = "storage that can replace an object if it is still the same one"
    return UnsupportedStorageError(
        url, expected=expected, found=found, fix="push to s3://, gs://, az:// or a local folder"
    )


def _has(text: str, signs: tuple[str, ...]) -> bool:
    return any(sign in text for sign in signs)


def _told(text: str) -> str:
    """Return what a message says on one line, which is not too long."""
    code, message = (re.search(rf"<{tag}>(.*?)</{tag}>", text) for tag in ("Code", "Message"))
    if code:
        text = f"{code[1]}: {message[1]}" if message else code[1]
    line = " ".join(text.split())
    return line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS]}..."
