"""The edge of functions that no HTTP request calls: events of S3, queues, streams and workflows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docplatform.core.actor import Actor, system
from docplatform.core.errors import TenantNotFound
from docplatform.core.tenant import Tenant, enter_tenant, tenant_scope
from docplatform.runtime.telemetry import LogRecord, add_error
from docplatform.runtime.tenant_access import registry

Handler = Callable[[Any, Any], Any]


def event_handler(name: str) -> Callable[[Callable[[Any], Any]], Handler]:
    """One log line for each event; errors go on to whoever called: a workflow, a queue, a stream."""

    def wrap(handle: Callable[[Any], Any]) -> Handler:
        def handler(event: Any, context: Any) -> Any:
            line = LogRecord(name, getattr(context, "aws_request_id", ""))
            with tenant_scope():
                try:
                    return handle(event)
                except Exception as error:
                    line.add_error(error)
                    raise
                finally:
                    line.write()

        return handler

    return wrap


def process_stream(
    event: dict[str, Any],
    followed: Callable[[dict[str, dict[str, str]]], tuple[str, str] | None],
    follow: Callable[[str, str, str], None],
) -> dict[str, Any]:
    """The records of a table's stream; the first failure is where it resumes (ReportBatchItemFailures).

    ``followed``: the tenant and the thing that a record's keys name; None to pass it over. ``follow``: for both, and the record's id.
    """
    done: set[tuple[str, str]] = set()
    for record in event["Records"]:
        change = record["dynamodb"]
        found = followed(change["Keys"])
        if found is None or found in done:
            continue
        with tenant_scope():  # records of several tenants come together
            try:
                follow(*found, record["eventID"])
            except Exception as error:
                add_error(error)
                return {"batchItemFailures": [{"itemIdentifier": change["SequenceNumber"]}]}
        done.add(found)
    return {"batchItemFailures": []}


def tenant_of(tenant_id: str) -> Tenant:
    """The tenant that the event is about; the scope is its from here on. Raises TenantNotFound."""
    tenant = registry().by_id(tenant_id)
    if tenant is None:
        raise TenantNotFound("The registry does not know it.")
    enter_tenant(tenant)
    return tenant


def system_actor(tenant_id: str, errand: str, request_id: str) -> Actor:
    """The platform, acting for a tenant. Raises TenantNotFound."""
    return system(tenant_of(tenant_id), errand, request_id)
