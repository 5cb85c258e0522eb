"""Step 3: add the document to the search index."""

from docplatform.core.actor import Actor
from docplatform.processing.wiring import processing
from docplatform.search.wiring import index

from .step import StepInput, step


@step("index")
def handler(actor: Actor, document_id: str, version_id: str, given: StepInput) -> dict[str, bool]:
    processing(actor).index(document_id, version_id, given["facts"], index(actor.tenant))
    return {"indexed": True}
