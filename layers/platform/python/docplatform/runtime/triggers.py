"""The edge of functions that are called by events of S3, queues, streams and workflows."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from docplatform.core.actor import Actor, system
from docplatform.core.errors import TenantNotFound
from docplatform.core.isolation import AttemptKind, note_attempt
from docplatform.core.tenant import Tenant, enter_tenant, tenant_scope
from docplatform.runtime.telemetry import LogRecord
from docplatform.runtime.tenant_access import registry

Handler = Callable[[Any, Any], Any]


def event_handler(
    name: str, *, outcomes: tuple[type[Exception], ...] = ()
) -> Callable[[Callable[[Any], Any]], Handler]:
    """Make a Lambda handler. It writes one log line with the event ``name`` for each event. Errors are raised to the
    caller: the workflow, the queue or the stream. ``outcomes``: errors with a ``code`` that the caller expects, such as
    a refused file. They are logged as information, with the code as ``problem``."""

    def wrap(handle: Callable[[Any], Any]) -> Handler:
        def handler(event: Any, context: Any) -> Any:
            log = LogRecord(name, getattr(context, "aws_request_id", ""))
            with tenant_scope():
                try:
                    return handle(event)
                except outcomes as outcome:
                    log.add(problem=getattr(outcome, "code", ""), cause=getattr(outcome, "cause", ""))
                    raise
                except Exception as error:
                    log.add_error(error)
                    raise
                finally:
                    log.write()

        return handler

    return wrap


def tenant_of(tenant_id: str) -> Tenant:
    """The tenant of the event, which becomes the current tenant. Raises TenantNotFound, also for a tenant of another region:
    the registry knows all, and no event of this region is about their data."""
    tenant = registry().by_id(tenant_id)
    if tenant is None:
        raise TenantNotFound("The registry does not know it.")
    if tenant.region != os.environ["AWS_REGION"]:
        note_attempt(AttemptKind.EVENT)
        raise TenantNotFound("It is a tenant of another region.")
    enter_tenant(tenant)
    return tenant


def system_actor(tenant_id: str, purpose: str, request_id: str) -> Actor:
    """The platform as the actor for a tenant (see ``core.actor.system``). Raises TenantNotFound."""
    return system(tenant_of(tenant_id), purpose, request_id)
