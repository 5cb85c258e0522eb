"""Step 3b, beside the text: the first page as a picture."""

from docplatform.domain.identity import Actor
from docplatform.runtime.composition.processing import processing
from docplatform.runtime.composition.reading import reader
from steps import Work, step


@step("preview")
def handler(actor: Actor, document_id: str, version_id: str, _: Work) -> dict[str, bool]:
    return processing(actor).preview(document_id, version_id, reader())
