"""What every step of processing does first: know its tenant and its upload."""

from collections.abc import Callable
from typing import Any

from docplatform.core.actor import Actor
from docplatform.runtime.triggers import Handler, event_handler, system_actor

Work = dict[str, Any]


def step(name: str) -> Callable[[Callable[[Actor, str, str, Work], Any]], Handler]:
    """The wrapped function gets the acting platform, the document's id, the version's id and the whole input."""

    def wrap(handle: Callable[[Actor, str, str, Work], Any]) -> Handler:
        @event_handler(f"processing-{name}")
        def handler(work: Work) -> Any:
            actor = system_actor(work["tenant_id"], f"processing:{name}", work.get("execution", ""))
            return handle(actor, work["document_id"], work["version_id"], work)

        return handler

    return wrap
