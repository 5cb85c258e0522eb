"""A document's item changed: bring its search entry up to date, or erase what a deleted document left behind.

The stream carries keys and nothing else; what they stand for is read with the tenant's own credentials.
"""

from typing import Any

from docplatform.domain import ids
from docplatform.runtime.composition.processing import processing
from docplatform.runtime.composition.search import index
from docplatform.runtime.telemetry import fault
from docplatform.runtime.workflow import acting_for, event_handler


@event_handler("index-sync")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    """In order; the first failure is where the stream resumes (ReportBatchItemFailures)."""
    done: set[tuple[str, str]] = set()
    for record in event["Records"]:
        change = record["dynamodb"]
        found = _document(change["Keys"])
        if found is None or found in done:
            continue
        try:
            _follow(*found, record["eventID"])
        except Exception as error:
            fault(error)
            return {"batchItemFailures": [{"itemIdentifier": change["SequenceNumber"]}]}
        done.add(found)
    return {"batchItemFailures": []}


def _document(keys: dict[str, dict[str, str]]) -> tuple[str, str] | None:
    tenant_id, _, rest = keys["pk"]["S"].partition("#")
    kind, _, document_id = rest.partition("#")
    if kind != "doc" or keys["sk"]["S"] != "doc" or not ids.is_tenant(tenant_id):
        return None
    return tenant_id, document_id


def _follow(tenant_id: str, document_id: str, event_id: str) -> None:
    actor = acting_for(tenant_id, "index-sync", event_id)
    processing(actor).follow(document_id, index(actor.tenant))
