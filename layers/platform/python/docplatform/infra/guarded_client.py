"""Guards of the clients that have a tenant's credentials. They report to ``core/isolation.py``."""

from __future__ import annotations

from typing import Any

from docplatform.core.isolation import AttemptKind, note_attempt, require_own_object

_DENIED = {"AccessDenied", "AccessDeniedException"}


def guarded(client: Any, service: str) -> Any:
    """The client, which reports each call that AWS denies. A client of S3 also refuses keys outside the current tenant's
    prefix, for calls and for links (IsolationFault)."""
    client.meta.events.register("after-call", _report_denial)
    if service == "s3":
        client.meta.events.register("provide-client-params.s3", _check_key)
    return client


def _report_denial(parsed: dict[str, Any], **_: Any) -> None:
    if parsed.get("Error", {}).get("Code") in _DENIED:
        note_attempt(AttemptKind.ACCESS_DENIED)


def _check_key(params: dict[str, Any], **_: Any) -> None:
    if (key := params.get("Key")) is not None:
        require_own_object(key)
