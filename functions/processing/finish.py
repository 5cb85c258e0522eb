"""Step 4: mark the document as ready."""

from docplatform.core.actor import Actor
from docplatform.processing.wiring import processing
from docplatform.runtime.metrics import Metric, count

from .step import StepInput, step


@step("finish")
def handler(actor: Actor, document_id: str, version_id: str, _: StepInput) -> dict[str, bool]:
    if processing(actor).finish(document_id, version_id):
        count(Metric.DOCUMENTS_READY)
    return {"ready": True}
