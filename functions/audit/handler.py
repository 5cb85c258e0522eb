"""Reports each change and each removal of an audit record.

The platform only adds records. IAM cannot tell a put over a record from a new one, so the stream of the table, which has
the images before and after, is what notices. Additions are filtered out before they reach the function.
"""

from typing import Any

from docplatform.core.time import now
from docplatform.runtime.batches import process_images
from docplatform.runtime.findings import findings, tampering_of
from docplatform.runtime.metrics import Metric, count
from docplatform.runtime.telemetry import add_facts
from docplatform.runtime.triggers import event_handler


@event_handler("audit-watch")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    return process_images(event, _report)


def _report(record: dict[str, Any]) -> None:
    finding = tampering_of(record, now())
    if finding is None:
        return
    count(Metric.AUDIT_TAMPERED)
    add_facts(level="ERROR", tampered=finding.record, change=finding.change.value, finding=finding.id)
    findings().add(finding)
