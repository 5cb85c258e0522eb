"""The decorator of all processing steps: it reads the upload from the step's input and acts for the upload's
tenant."""

from collections.abc import Callable
from typing import Any

from docplatform.core.actor import Actor
from docplatform.runtime.triggers import Handler, event_handler, system_actor

StepInput = dict[str, Any]


def step(name: str) -> Callable[[Callable[[Actor, str, str, StepInput], Any]], Handler]:
    """Turn a function of the system actor, the document's id, the version's id and the whole input into a handler."""

    def wrap(handle: Callable[[Actor, str, str, StepInput], Any]) -> Handler:
        @event_handler(f"processing-{name}")
        def handler(given: StepInput) -> Any:
            actor = system_actor(given["tenant_id"], f"processing:{name}", given.get("execution", ""))
            return handle(actor, given["document_id"], given["version_id"], given)

        return handler

    return wrap
