"""Step 2: what did the malware scan find?"""

from docplatform.domain.identity import Actor
from docplatform.runtime.composition.processing import processing, scanner
from steps import Work, step


@step("scan")
def handler(actor: Actor, document_id: str, version_id: str, _: Work) -> dict[str, bool]:
    processing(actor).scan(document_id, version_id, scanner(actor))
    return {"clean": True}
