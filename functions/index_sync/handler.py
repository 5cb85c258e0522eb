"""Keeps the search index up to date with the data table's stream.

A changed document is indexed again; a deleted one is removed from the index. When a folder was moved, or its
inheritance changed, the documents below it are updated.

Nobody waits until a deletion is visible. At the end of a batch, its erasures are checked once; the job ``erasures`` (verify.py)
checks the others.

The stream carries keys only. The items are read with the tenant's own credentials.
"""

from functools import partial
from typing import Any

from docplatform.core import ids
from docplatform.core.isolation import Source, dropped
from docplatform.core.tenant import tenant_scope
from docplatform.processing.wiring import erasures, processing
from docplatform.runtime.batches import process_stream
from docplatform.runtime.telemetry import add_error
from docplatform.runtime.triggers import event_handler, system_actor
from docplatform.search.wiring import index, subtrees


@event_handler("index-sync")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    erased: dict[str, list[str]] = {}
    response = process_stream(event, _target_of, partial(_handle, erased))
    for tenant_id, document_ids in erased.items():
        _verify(tenant_id, document_ids)
    return response


def _target_of(keys: dict[str, dict[str, str]]) -> tuple[str, str] | None:
    """The tenant's id and the id of the document or folder; None for other items, and for keys that no code of ours
    makes."""
    tenant_id, _, rest = keys["pk"]["S"].partition("#")
    kind, _, node_id = rest.partition("#")
    if kind != keys["sk"]["S"] or kind not in ("doc", "reindex"):
        return None
    well_formed = ids.is_a(ids.DOCUMENT, node_id) if kind == "doc" else ids.is_folder(node_id)
    if not (well_formed and ids.is_tenant(tenant_id)):
        dropped(Source.STREAM)
        return None
    return tenant_id, node_id


def _handle(erased: dict[str, list[str]], tenant_id: str, node_id: str, event_id: str) -> None:
    """Update the index for one document or folder. A deleted document is added to ``erased``, by tenant."""
    actor = system_actor(tenant_id, "index-sync", event_id)
    entries, documents = index(actor.tenant), processing(actor)
    if ids.is_folder(node_id):
        subtrees(actor).continue_reindexing(
            node_id, entries, lambda document: documents.update_index(document, entries)
        )
    elif documents.update_index(node_id, entries):
        erased.setdefault(tenant_id, []).append(node_id)


def _verify(tenant_id: str, document_ids: list[str]) -> None:
    """An error is logged and no more: the job checks these erasures again."""
    with tenant_scope():
        try:
            actor = system_actor(tenant_id, "index-sync", "")
            erasures(actor, lambda: index(actor.tenant)).verify(document_ids)
        except Exception as error:
            add_error(error)
