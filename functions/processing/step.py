"""The decorator of all processing steps: it reads the upload from the step's input and acts for the upload's tenant. The
tenant's own database says whether it has such a document: each step reads it before it touches anything."""

from collections.abc import Callable
from typing import Any

from docplatform.core.actor import Actor
from docplatform.core.errors import TenantNotFound
from docplatform.core.isolation import Source, dropped
from docplatform.extraction.model import FileRejected
from docplatform.library.errors import DocumentNotFound
from docplatform.processing.model import MalformedUpload, Upload
from docplatform.processing.pipeline import Superseded
from docplatform.runtime.triggers import Handler, event_handler, system_actor

StepInput = dict[str, Any]

# What statemachines/processing.asl.json catches or tries again: nothing of it is a fault of the platform.
_OUTCOMES = (FileRejected, Superseded, DocumentNotFound, TenantNotFound)


def step(name: str) -> Callable[[Callable[[Actor, str, str, StepInput], Any]], Handler]:
    """Turn a function of the system actor, the document's id, the version's id and the whole input into a handler."""

    def wrap(handle: Callable[[Actor, str, str, StepInput], Any]) -> Handler:
        @event_handler(f"processing-{name}", outcomes=_OUTCOMES)
        def handler(given: StepInput) -> Any:
            try:
                upload = Upload.parse(given)
            except MalformedUpload:
                dropped(Source.WORKFLOW)
                raise
            actor = system_actor(upload.tenant_id, f"processing:{name}", given.get("execution", ""))
            return handle(actor, upload.document_id, upload.version_id, given)

        return handler

    return wrap
