"""Takes notice of files that have arrived in S3, and queues those whose malware scan has a result, in the queue of their tenant's plan.

The message group is the tenant: SQS takes the groups in turn, so no tenant's backlog delays another tenant's
(docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html).

EventBridge may deliver an event twice, and the result before the arrival.
"""

from typing import Any
from urllib.parse import unquote_plus

from docplatform.core.actor import Actor
from docplatform.core.errors import TenantNotFound
from docplatform.core.isolation import Source, dropped
from docplatform.library.model import parse_original
from docplatform.processing.model import MalformedUpload, Upload, parse_scan_result
from docplatform.processing.wiring import scan_results
from docplatform.runtime.metrics import Metric, count
from docplatform.runtime.settings import ArrivalSettings, load
from docplatform.runtime.triggers import event_handler, system_actor

RESULT = "GuardDuty Malware Protection Object Scan Result"


@event_handler("upload")
def handler(event: dict[str, Any]) -> dict[str, bool]:
    try:
        return _result(event) if event["detail-type"] == RESULT else _arrival(event)
    except (MalformedUpload, TenantNotFound):
        dropped(Source.EVENT)  # the key is not one of an upload, or of no tenant of this region
        return {"queued": False}


def _arrival(event: dict[str, Any]) -> dict[str, bool]:
    key = event["detail"]["object"]["key"]
    found = parse_original(key) or parse_original(unquote_plus(key))
    if found is None:
        raise MalformedUpload("not an upload")
    upload = Upload(*found)
    actor = _platform(upload, event)
    if scan_results(actor).received(upload):
        count(Metric.UPLOADS_RECEIVED, by=actor.tenant.plan)
    return {"queued": False}


def _result(event: dict[str, Any]) -> dict[str, bool]:
    result = parse_scan_result(event["detail"], load(ArrivalSettings).documents_bucket)
    actor = _platform(result.upload, event)
    queued = scan_results(actor).scanned(result.upload, result.verdict, result.storage_version)
    count(Metric.MALWARE_SCANS, by=result.verdict)
    return {"queued": queued}


def _platform(upload: Upload, event: dict[str, Any]) -> Actor:
    return system_actor(upload.tenant_id, "upload", event["id"])
