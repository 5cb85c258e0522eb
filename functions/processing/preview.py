"""Step 2b, parallel to the text: render the first page as an image."""

from docplatform.core.actor import Actor
from docplatform.extraction.sandbox import ParserFault
from docplatform.processing.wiring import file_opener, processing
from docplatform.runtime.telemetry import add_error

from .step import StepInput, step


@step("preview")
def handler(actor: Actor, document_id: str, version_id: str, _: StepInput) -> dict[str, bool]:
    try:
        return processing(actor).preview(document_id, version_id, file_opener(actor))
    except ParserFault as fault:  # the text can still be found
        add_error(fault)
        return {"has_preview": False}
