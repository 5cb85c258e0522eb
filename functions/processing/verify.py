"""Step 1: is the file what was announced?"""

from docplatform.domain.identity import Actor
from docplatform.runtime.composition.processing import processing
from docplatform.runtime.composition.reading import reader
from steps import Work, step


@step("verify")
def handler(actor: Actor, document_id: str, version_id: str, _: Work) -> dict[str, bool]:
    return {"go_on": processing(actor).verify(document_id, version_id, reader())}
