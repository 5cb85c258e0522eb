"""A document's item changed: bring its search entry up to date, or erase what a deleted document left behind. A folder was moved, or
its inheritance changed: bring the entries below it up to date.

The stream carries keys and nothing else; what they stand for is read with the tenant's own credentials.
"""

from typing import Any

from docplatform.core import ids
from docplatform.processing.wiring import processing
from docplatform.runtime.triggers import event_handler, process_stream, system_actor
from docplatform.search.wiring import index, subtrees


@event_handler("index-sync")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    return process_stream(event, _followed, _follow)


def _followed(keys: dict[str, dict[str, str]]) -> tuple[str, str] | None:
    """The tenant, and the document or folder."""
    tenant_id, _, rest = keys["pk"]["S"].partition("#")
    kind, _, node_id = rest.partition("#")
    if kind != keys["sk"]["S"] or kind not in ("doc", "reindex") or not ids.is_tenant(tenant_id):
        return None
    return tenant_id, node_id


def _follow(tenant_id: str, node_id: str, event_id: str) -> None:
    actor = system_actor(tenant_id, "index-sync", event_id)
    if ids.is_folder(node_id):
        subtrees(actor).follow(node_id, index(actor.tenant))
    else:
        processing(actor).follow(node_id, index(actor.tenant))
