"""A finding: one actor who attempts to reach other tenants again and again (``core/isolation.py``).

The counters are in the operations table, where a function writes with its own role: nobody changes them with credentials of a
tenant. A counter is the actor's in the whole region, whichever tenants they attempt to reach.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from docplatform.core.audit import UNKNOWN_USER, Action, AuditIdentity, record_of
from docplatform.core.tenant import tenant_context
from docplatform.core.time import now
from docplatform.infra.credentials import own_client
from docplatform.infra.dynamodb.codec import decode_item, encode_item
from docplatform.infra.dynamodb.keys import Key, hashed
from docplatform.runtime.metrics import Metric, count
from docplatform.runtime.settings import TenantSettings, load
from docplatform.runtime.tenant_access import table

WINDOW = timedelta(minutes=10)
ALLOWED = 5
"""Attempts of one actor within WINDOW. One more is a finding: a metric and a record in the trail of the tenant whose
address was called."""
FINDING = "cross-tenant-attempts"
_MOST_TIMES = 50


def actor_of(tenant_id: str, user_id: str, address: str) -> str:
    """Who attempts: a user of a tenant, or else, for an unknown user, the IP address that the request comes from."""
    return f"address/{address}" if user_id == UNKNOWN_USER else f"{tenant_id}/{user_id}"


def count_attempt(subject: AuditIdentity, actor: str) -> None:
    """Count an attempt at the tenant of ``subject``. ``actor``: a text of ``actor_of``; only its hash is stored, because it may name
    a user of another tenant. One update, and one put for a finding."""
    at = now()
    recent = attempts().add(actor, at)
    if recent == ALLOWED + 1:
        count(Metric.SECURITY_FINDINGS, by=FINDING)
        with tenant_context(subject.tenant):
            own = table(subject.tenant)
            own.record_standalone(record_of(subject, Action.SECURITY_FINDING, FINDING, at, {"attempts": recent}))


class AttemptStore:
    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    @staticmethod
    def key(actor: str) -> Key:
        return Key(f"attempts#{hashed(actor)}", "attempts")

    def add(self, actor: str, at: datetime) -> int:
        """Add an attempt, and return how many the actor made within WINDOW; more than enough are not all counted. A time of the
        future counts: clocks differ. The item expires after WINDOW. One update; one put more for the fiftieth of a flood."""
        window, own = int(WINDOW.total_seconds()), int(at.timestamp())
        item, values = {**self.key(actor)._asdict()}, {":own": [own], ":none": [], ":most": _MOST_TIMES}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=encode_item(item),
                UpdateExpression="SET #times = list_append(if_not_exists(#times, :none), :own), #expires = :end",
                ConditionExpression="attribute_not_exists(#times) OR size(#times) < :most",
                ExpressionAttributeNames={"#times": "times", "#expires": "expires"},
                ExpressionAttributeValues=encode_item({**values, ":end": own + window}),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
            times = decode_item(answer["Attributes"])["times"]
        except self._client.exceptions.ConditionalCheckFailedException as full:
            former = decode_item(full.response.get("Item") or {}).get("times", [])
            times = [*[time for time in former if own - time < window][-ALLOWED - 1 :], own]
            self._client.put_item(
                TableName=self._table, Item=encode_item({**item, "times": times, "expires": own + window})
            )
        return sum(own - time < window for time in times)


@cache
def attempts() -> AttemptStore:
    return AttemptStore(own_client("dynamodb"), load(TenantSettings).operations_table)
