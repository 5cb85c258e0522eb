"""Step 4: make it findable."""

from docplatform.domain.identity import Actor
from docplatform.runtime.composition.processing import processing
from docplatform.runtime.composition.search import index
from steps import Work, step


@step("index")
def handler(actor: Actor, document_id: str, version_id: str, work: Work) -> dict[str, bool]:
    processing(actor).index(document_id, version_id, work["facts"], index(actor.tenant))
    return {"indexed": True}
