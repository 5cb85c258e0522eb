"""Queues the processing of an upload that has arrived in S3, in the queue of its tenant's plan.

The message group is the tenant: SQS takes the groups in turn, so no tenant's backlog delays another tenant's
(docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html).
"""

from typing import Any
from urllib.parse import unquote_plus

from docplatform.core.errors import TenantNotFound
from docplatform.core.isolation import Source, dropped
from docplatform.infra.credentials import own_client
from docplatform.infra.queues import SqsQueues
from docplatform.library.model import parse_original
from docplatform.processing.model import processing_message
from docplatform.runtime.metrics import Metric, count
from docplatform.runtime.settings import IngestionSettings, load
from docplatform.runtime.triggers import event_handler, tenant_of


@event_handler("upload")
def handler(event: dict[str, Any]) -> dict[str, bool]:
    found = parse_original(event["detail"]["object"]["key"]) or parse_original(
        unquote_plus(event["detail"]["object"]["key"])
    )
    if found is None:
        dropped(Source.EVENT)  # the key is not one of an upload
        return {"queued": False}
    tenant_id, document_id, version_id = found
    try:
        tenant = tenant_of(tenant_id)
    except TenantNotFound:
        dropped(Source.EVENT)
        return {"queued": False}
    size = event["detail"]["object"].get("size", 0)
    message = processing_message(tenant_id, document_id, version_id, size)
    queue_url = load(IngestionSettings).queue_urls[tenant.plan.value]
    SqsQueues(own_client("sqs")).send(queue_url, {tenant_id: message})
    count(Metric.UPLOADS_RECEIVED, by=tenant.plan)
    return {"queued": True}
