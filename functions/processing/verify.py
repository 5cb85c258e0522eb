"""Step 1: check the scan's result, and compare the file with what was announced."""

from docplatform.core.actor import Actor
from docplatform.processing.wiring import file_opener, processing

from .step import StepInput, step


@step("verify")
def handler(actor: Actor, document_id: str, version_id: str, _: StepInput) -> dict[str, bool]:
    return {"go_on": processing(actor).verify(document_id, version_id, file_opener(actor))}
