"""Incidents in CloudTrail's events, as EventBridge delivers them
(docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docplatform.core.audit import AuditFacts

_ROLE = ":role/docplatform-break-glass-"
_CHANGES = {
    "PutKeyPolicy": "keyId",
    "PutResourcePolicy": "resourceArn",
    "DeleteResourcePolicy": "resourceArn",
    "PutBucketPolicy": "bucketName",
    "DeleteBucketPolicy": "bucketName",
    "RestoreTableToPointInTime": "sourceTableName",
    "RestoreTableFromBackup": "targetTableName",
    "ExportTableToPointInTime": "tableArn",
}
"""Calls that change who may reach stored data, or copy a table → the parameter that names the key, table or bucket."""
_DEPLOYMENT = "cloudformation.amazonaws.com"
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class BreakGlassUse:
    """Somebody has assumed the role for a tenant, or has tried to. ``tenant_id``: '' if the request names none."""

    tenant_id: str
    event_id: str
    caller: str
    session: str
    refused: bool

    @property
    def facts(self) -> AuditFacts:
        return {"caller": self.caller, "session": self.session, "outcome": "refused" if self.refused else "opened"}


@dataclass(frozen=True, slots=True)
class PerimeterChange:
    """Somebody has changed the policy of a key, table or bucket by hand, or has copied a table. ``call``: the name of the API."""

    call: str


def incident_of(event: Mapping[str, Any]) -> BreakGlassUse | PerimeterChange | None:
    """The incident that an event reports; None for one that is none of ours. Raises KeyError for an event of another form."""
    detail = event["detail"]
    call, given = detail["eventName"], detail.get("requestParameters") or {}
    by = detail.get("userIdentity") or {}
    if call == "AssumeRole" and _ROLE in str(given.get("roleArn")):
        return BreakGlassUse(
            tenant_id=_tags(given).get("tenant_id", ""),
            event_id=str(detail["eventID"]),
            caller=str(by.get("arn") or by.get("principalId") or "")[:_LONGEST],
            session=str(given.get("roleSessionName") or "")[:_LONGEST],
            refused="errorCode" in detail,
        )
    if call in _CHANGES and by.get("invokedBy") != _DEPLOYMENT and "errorCode" not in detail:
        named = str(given.get(_CHANGES[call]) or "")
        if call == "PutKeyPolicy" or "docplatform-" in named:
            return PerimeterChange(call)
    return None


def _tags(given: Mapping[str, Any]) -> dict[str, str]:
    tags = given.get("tags") or []
    if isinstance(tags, Mapping):
        return {str(name): str(value) for name, value in tags.items()}
    return {str(each.get("key")): str(each.get("value")) for each in tags}
