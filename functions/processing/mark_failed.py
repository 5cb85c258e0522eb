"""The step for a failure: record on the document why it could not be processed.

The problem of a rejected file is the first word of the error's message. Without one, the failure is the platform's
own.
"""

import json

from docplatform.core.actor import Actor
from docplatform.processing.wiring import processing
from docplatform.runtime.metrics import Metric, count
from docplatform.search.wiring import index

from .step import StepInput, step


@step("fail")
def handler(actor: Actor, document_id: str, version_id: str, given: StepInput) -> dict[str, str]:
    problem, detail = _problem(given.get("cause") or "")
    error = processing(actor).mark_failed(document_id, version_id, problem, detail, index(actor.tenant))
    if error is not None:
        count(Metric.DOCUMENTS_FAILED, by=error.code)
    return {"problem": problem}


def _problem(cause: str) -> tuple[str, str]:
    """Problem and detail from Lambda's error document, as the workflow caught it: ``{"errorMessage": "encrypted:
    …", "errorType": "FileRejected"}``. Both are '' for any other text."""
    try:
        problem, _, detail = str(json.loads(cause)["errorMessage"]).partition(":")
    except (ValueError, KeyError, TypeError):
        return "", ""
    return problem.strip(), detail.strip()
