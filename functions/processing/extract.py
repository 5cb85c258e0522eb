"""Step 2a: extract the text."""

from typing import Any

from docplatform.core.actor import Actor
from docplatform.processing.wiring import file_opener, processing

from .step import StepInput, step


@step("extract")
def handler(actor: Actor, document_id: str, version_id: str, _: StepInput) -> dict[str, Any]:
    return processing(actor).extract(document_id, version_id, file_opener(actor))
