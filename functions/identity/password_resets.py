"""Sends the mails of password resets that were asked for, message by message.

The route only puts a message on the queue, so its answer and its calls are the same for every address.
"""

from typing import Any

from docplatform.authentication.reset_requests import MalformedResetRequest, ResetRequest
from docplatform.authentication.wiring.sign_in import lost_password
from docplatform.core.isolation import Source, dropped
from docplatform.core.tenant import TenantStatus
from docplatform.runtime.batches import process_queue
from docplatform.runtime.triggers import event_handler, tenant_of


@event_handler("password-resets")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    return process_queue(event, _send)


def _send(message: dict[str, Any]) -> None:
    """Send the mail of one message. A message of another tenant than its group does nothing and ends in the dead-letter
    queue. Raises MailNotSent: the message comes back."""
    try:
        request = ResetRequest.of(message["body"], message["attributes"].get("MessageGroupId"))
    except MalformedResetRequest:
        dropped(Source.MESSAGE)
        raise
    tenant = tenant_of(request.tenant_id)
    if tenant.status is TenantStatus.ACTIVE:
        lost_password(tenant, request.request_id).send_link(request.email, request.asked_at)
