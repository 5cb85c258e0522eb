"""Security findings that an operator reads: records in the operations table, without a tenant's content.

So far there is one kind: an audit record was changed or removed. The finding has the record's key, and hashes of what it
was and is, with which the archive's copy can be compared.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from docplatform.infra.credentials import own_client
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.infra.dynamodb.mapper import to_item
from docplatform.runtime.settings import FindingSettings, load

PARTITION = "finding#audit-tampered"
_NAMES, _LONGEST = 20, 100
"""Names of attributes in a finding, and the characters of one. Whoever changes a record chooses them, and an item has 400 KB."""


class Change(StrEnum):
    CHANGED = "changed"
    REMOVED = "removed"


_CHANGES = {"MODIFY": Change.CHANGED, "REMOVE": Change.REMOVED}


@dataclass(frozen=True, slots=True)
class AuditTampering:
    """``id``: the stream's id of the event. ``record``: the key of the audit record, ``<tenant>#<day>#<shard>/<id>``.
    ``before`` and ``after``: SHA-256 of its images ('' for none). ``changed``: the names of the attributes that differ; of long
    ones the beginning, and of more than twenty the number of the others. ``by``: the service that removed it, '' for a
    caller."""

    id: str
    found_at: datetime
    record: str
    change: Change
    before: str
    after: str
    changed: list[str]
    by: str


def tampering_of(record: dict[str, Any], at: datetime) -> AuditTampering | None:
    """The finding for a record of the audit table's stream; None for an audit record that was added."""
    change = _CHANGES.get(record["eventName"])
    if change is None:
        return None
    detail = record["dynamodb"]
    before, after = detail.get("OldImage") or {}, detail.get("NewImage") or {}
    return AuditTampering(
        id=record["eventID"],
        found_at=at,
        record=f"{detail['Keys']['pk']['S']}/{detail['Keys']['sk']['S']}",
        change=change,
        before=_digest(before),
        after=_digest(after),
        changed=_shown(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))),
        by=(record.get("userIdentity") or {}).get("principalId", ""),
    )


def _shown(names: list[str]) -> list[str]:
    shown = [name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…" for name in names[:_NAMES]]
    return shown if len(names) <= _NAMES else [*shown, f"… and {len(names) - _NAMES} more"]


def _digest(image: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(image, sort_keys=True).encode()).hexdigest() if image else ""


class FindingStore:
    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def add(self, finding: AuditTampering) -> None:
        """Store a finding. The same event gives the same item, however often the stream delivers it."""
        item = {"pk": PARTITION, "sk": finding.id, **to_item(finding, without=("id",))}
        self._client.put_item(TableName=self._table, Item=encode_item(item))


@cache
def findings() -> FindingStore:
    return FindingStore(own_client("dynamodb"), load(FindingSettings).operations_table)
