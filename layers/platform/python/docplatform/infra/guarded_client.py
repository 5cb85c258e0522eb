"""Guards of the clients that have a tenant's credentials. They report to ``core/isolation.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docplatform.core.isolation import AttemptKind, note_attempt, require_own_object

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "403"})
"""``403``: an answer to HEAD has no body, so botocore takes its status for the code."""
_OF_TENANT = "DeniedToTenant"


def guarded(client: Any, service: str) -> Any:
    """The client, which reports each call that AWS denies. A client of S3 also refuses keys outside the current tenant's
    prefix, for calls and for links (IsolationFault)."""
    client.meta.events.register("after-call", _report_denial)
    if service == "s3":
        client.meta.events.register("provide-client-params.s3", _check_key)
    return client


def _report_denial(parsed: dict[str, Any], **_: Any) -> None:
    if parsed.get("Error", {}).get("Code") in DENIED:
        parsed[_OF_TENANT] = True
        note_attempt(AttemptKind.ACCESS_DENIED)


def is_of_tenant(answer: Mapping[str, Any]) -> bool:
    """Whether AWS's answer denies a call with a tenant's credentials. ``answer``: the member ``response`` of a ClientError."""
    return _OF_TENANT in answer


def _check_key(params: dict[str, Any], **_: Any) -> None:
    if (key := params.get("Key")) is not None:
        require_own_object(key)
