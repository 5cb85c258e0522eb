"""Tells errors that pass by themselves from those that a record causes.

Only what is listed here passes. A tenant's items, files and entries can make AWS refuse a call in more ways than a list of refusals
could name, and a record that is delivered again holds up the records of other tenants.
"""

from __future__ import annotations

from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
)
from botocore.exceptions import ConnectionError as NoConnection
from botocore.parsers import ResponseParserError

from docplatform.core.errors import Unavailable
from docplatform.infra.guarded_client import DENIED, is_of_tenant

_NO_ANSWER = (
    *(OSError, Unavailable),
    *(NoConnection, HTTPClientError, IncompleteReadError, ResponseParserError),
    *(NoCredentialsError, CredentialRetrievalError),
)

_PASSING = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "ThrottlingError", "RequestThrottled"),
        *("RequestThrottledException", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown"),
        *("ProvisionedThroughputExceededException", "ProvisionedThroughputExceeded", "BandwidthLimitExceeded"),
        *("LimitExceededException", "TransactionConflict", "TransactionConflictException", "OperationAborted"),
        *("TransactionInProgressException", "RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"),
        *("ExpiredToken", "ExpiredTokenException", "RequestExpired", "RequestTimeTooSkewed"),
        *("UnrecognizedClientException", "InvalidClientTokenId", "ResourceNotFoundException"),
    }
)
"""Codes of AWS below 500: too many calls (botocore/retries/standard.py), a conflict with another call, credentials that have expired,
and a table that is being made."""


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed later, although nobody changes the record.

    A denial does if the function's own role is denied: an operator corrects that. With a tenant's credentials, the object is not the
    tenant's to read."""
    if not isinstance(error, ClientError):
        return isinstance(error, _NO_ANSWER)
    answer = error.response
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    reasons = [each.get("Code", "") for each in answer.get("CancellationReasons", ())]
    code = answer.get("Error", {}).get("Code", "")
    if status >= 500 or status == 429 or error.operation_name == "AssumeRole":
        return True
    if code in DENIED:
        return not is_of_tenant(answer)
    return not _PASSING.isdisjoint((code, *reasons))
