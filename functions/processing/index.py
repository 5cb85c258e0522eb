"""Step 4: make it findable."""

from docplatform.core.actor import Actor
from docplatform.processing.wiring import processing
from docplatform.search.wiring import index

from .steps import Work, step


@step("index")
def handler(actor: Actor, document_id: str, version_id: str, work: Work) -> dict[str, bool]:
    processing(actor).index(document_id, version_id, work["facts"], index(actor.tenant))
    return {"indexed": True}
