"""The edge of functions that no HTTP request calls: events of S3, queues, streams and workflows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docplatform.domain.errors import TenantNotFound
from docplatform.domain.identity import Actor, system
from docplatform.domain.tenants import Tenant
from docplatform.runtime.composition.core import registry
from docplatform.runtime.telemetry import Line, tenant_in_hand

Handler = Callable[[Any, Any], Any]


def event_handler(name: str) -> Callable[[Callable[[Any], Any]], Handler]:
    """One log line for each event; errors go on to whoever called: a workflow, a queue, a stream."""

    def wrap(handle: Callable[[Any], Any]) -> Handler:
        def handler(event: Any, context: Any) -> Any:
            line = Line(name, getattr(context, "aws_request_id", ""))
            try:
                return handle(event)
            except Exception as error:
                line.fault(error)
                raise
            finally:
                line.write()

        return handler

    return wrap


def tenant_of(tenant_id: str) -> Tenant:
    """Raises TenantNotFound."""
    tenant = registry().by_id(tenant_id)
    if tenant is None:
        raise TenantNotFound("The registry does not know it.")
    tenant_in_hand.set(tenant.id)
    return tenant


def acting_for(tenant_id: str, errand: str, request_id: str) -> Actor:
    """The platform, acting for a tenant. Raises TenantNotFound."""
    return system(tenant_of(tenant_id), errand, request_id)
