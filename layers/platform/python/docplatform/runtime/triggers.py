"""The edge of functions that no HTTP request calls: events of S3, queues, streams and workflows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docplatform.core.actor import Actor, system
from docplatform.core.errors import TenantNotFound
from docplatform.core.tenant import Tenant, enter_tenant, tenant_scope
from docplatform.runtime.telemetry import LogRecord
from docplatform.runtime.tenant_access import registry

Handler = Callable[[Any, Any], Any]


def event_handler(name: str) -> Callable[[Callable[[Any], Any]], Handler]:
    """One log line for each event; errors go on to whoever called: a workflow, a queue, a stream."""

    def wrap(handle: Callable[[Any], Any]) -> Handler:
        def handler(event: Any, context: Any) -> Any:
            log = LogRecord(name, getattr(context, "aws_request_id", ""))
            with tenant_scope():
                try:
                    return handle(event)
                except Exception as error:
                    log.add_error(error)
                    raise
                finally:
                    log.write()

        return handler

    return wrap


def tenant_of(tenant_id: str) -> Tenant:
    """The tenant that the event is about; the scope is its from here on. Raises TenantNotFound."""
    tenant = registry().by_id(tenant_id)
    if tenant is None:
        raise TenantNotFound("The registry does not know it.")
    enter_tenant(tenant)
    return tenant


def system_actor(tenant_id: str, purpose: str, request_id: str) -> Actor:
    """The platform, acting for a tenant. Raises TenantNotFound."""
    return system(tenant_of(tenant_id), purpose, request_id)
