"""Step 2: check the result of the malware scan."""

from docplatform.core.actor import Actor
from docplatform.processing.wiring import processing, scanner

from .step import StepInput, step


@step("scan")
def handler(actor: Actor, document_id: str, version_id: str, _: StepInput) -> dict[str, bool]:
    processing(actor).scan(document_id, version_id, scanner(actor))
    return {"clean": True}
