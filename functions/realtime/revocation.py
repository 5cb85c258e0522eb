"""A session or a user has changed: live connections that stand for nobody any more are closed.

The stream carries keys and nothing else; what they stand for is read with the tenant's own credentials.
"""

from typing import Any

from docplatform.core import ids
from docplatform.realtime.wiring import revocation
from docplatform.runtime.triggers import event_handler, process_stream, system_actor


@event_handler("live-ends")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    return process_stream(event, _followed, _follow)


def _followed(keys: dict[str, dict[str, str]]) -> tuple[str, str] | None:
    """The tenant, and the session or user."""
    tenant_id, _, rest = keys["pk"]["S"].partition("#")
    kind, _, id_ = rest.partition("#")
    sort_key = {"session": "session", "user": "profile"}.get(kind)
    if keys["sk"]["S"] != sort_key or not ids.is_tenant(tenant_id):
        return None
    return tenant_id, id_


def _follow(tenant_id: str, id_: str, event_id: str) -> None:
    followed = revocation(system_actor(tenant_id, "live-ends", event_id))
    if ids.is_a(ids.SESSION, id_):
        followed.follow_session(id_)
    else:
        followed.follow_user(id_)
