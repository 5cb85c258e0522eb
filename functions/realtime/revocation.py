"""Closes live connections when their session has ended or their user has lost access.

The stream carries keys only. The items are read with the tenant's own credentials.
"""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from docplatform.core import ids
from docplatform.core.isolation import Source, dropped
from docplatform.realtime.connections import NotOpenYet
from docplatform.realtime.wiring import revocation
from docplatform.runtime.batches import NotDone, process_stream
from docplatform.runtime.triggers import event_handler, system_actor


@event_handler("live-ends")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    changes = {record["eventID"]: _changed_at(record) for record in event["Records"]}
    return process_stream(event, _target_of, partial(_handle, changes))


def _changed_at(record: dict[str, Any]) -> datetime:
    """When DynamoDB made the record, which no item can say."""
    return datetime.fromtimestamp(float(record["dynamodb"].get("ApproximateCreationDateTime", 0)), UTC)


def _target_of(keys: dict[str, dict[str, str]]) -> tuple[str, str] | None:
    """The tenant's id and the id of the session or user; None for other items, and for keys that no code of ours makes."""
    tenant_id, _, rest = keys["pk"]["S"].partition("#")
    kind, _, id_ = rest.partition("#")
    sort_key = {"session": "session", "user": "profile"}.get(kind)
    if keys["sk"]["S"] != sort_key:
        return None
    well_formed = ids.is_a(ids.SESSION if kind == "session" else ids.USER, id_)
    if not (well_formed and ids.is_tenant(tenant_id)):
        dropped(Source.STREAM)
        return None
    return tenant_id, id_


def _handle(changes: dict[str, datetime], tenant_id: str, id_: str, event_id: str) -> None:
    """Close what the changed session or user may no longer use. ``changes``: the times of the records. Raises NotDone."""
    connections = revocation(system_actor(tenant_id, "live-ends", event_id))
    try:
        if ids.is_a(ids.SESSION, id_):
            connections.close_ended_of_session(id_, changes[event_id])
        else:
            connections.close_ended_of_user(id_, changes[event_id])
    except NotOpenYet as error:
        raise NotDone from error
