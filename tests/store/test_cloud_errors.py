"""What obstore says becomes an error that says what to do."""

import pytest
from object_servers import use_endpoint
from obstore import exceptions

from shardmill import errors
from shardmill.store.cloud_errors import cloud_error
from shardmill.store.open_store import open_store

_S3 = "Generic S3 error: Error performing GET http://x/b/k in 1ms - "


@pytest.mark.parametrize(
    ("raised", "kind", "fix"),
    [
        (
            exceptions.GenericError(
                f"{_S3}Received redirect without LOCATION, this normally indicates an incorrectly "
                "configured region"
            ),
            errors.RegionError,
            "AWS_REGION",
        ),
        (
            exceptions.GenericError(
                f"{_S3}400 Bad Request: <Error><Code>AuthorizationHeaderMalformed</Code><Message>"
                "the region 'us-east-1' is wrong; expecting 'eu-west-1'</Message></Error>"
            ),
            errors.RegionError,
            "AWS_REGION",
        ),
        (
            exceptions.GenericError(
                "Generic S3 error: Error performing PUT http://169.254.169.254/latest/api/token"
            ),
            errors.CredentialsError,
            "AWS_ACCESS_KEY_ID",
        ),
        (exceptions.PermissionDeniedError("403"), errors.CredentialsError, "AWS_SECRET"),
        (exceptions.UnauthenticatedError("401"), errors.CredentialsError, "AWS_SECRET"),
        (
            exceptions.GenericError(f"{_S3}503 Service Unavailable"),
            errors.StorageAnswerError,
            "later",
        ),
    ],
)
def test_the_error_says_what_to_do(
    raised: Exception, kind: type[errors.StorageError], fix: str
) -> None:
    error = cloud_error("s3://b/k", raised)
    assert type(error) is kind
    assert fix in error.fix
    assert "\n" not in str(error)


def test_the_message_of_the_server_is_shown() -> None:
    raised = exceptions.GenericError(
        f"{_S3}<Error><Code>AuthorizationHeaderMalformed</Code><Message>expecting 'eu-west-1'"
        "</Message></Error>\n\nDebug source:\nGeneric {"
    )
    error = cloud_error("s3://b/k", raised)
    assert error.found == "AuthorizationHeaderMalformed: expecting 'eu-west-1'"


def test_a_setting_that_obstore_cannot_use(monkeypatch: pytest.MonkeyPatch) -> None:
    use_endpoint(monkeypatch, "")
    with pytest.raises(errors.UnsupportedStorageError, match="AWS_ENDPOINT_URL"):
        open_store("s3://bucket/x").get("key")
