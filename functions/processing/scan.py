"""Step 2: what did the malware scan find?"""

from docplatform.core.actor import Actor
from docplatform.processing.wiring import processing, scanner

from .steps import Work, step


@step("scan")
def handler(actor: Actor, document_id: str, version_id: str, _: Work) -> dict[str, bool]:
    processing(actor).scan(document_id, version_id, scanner(actor))
    return {"clean": True}
