"""The common part of the REQUEST authorizers, that of the HTTP API and that of live connections
(docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from docplatform.core.actor import Actor, Role
from docplatform.core.audit import UNKNOWN_USER, Action, AuditSubject
from docplatform.core.errors import Forbidden, Unauthenticated
from docplatform.core.isolation import AttemptKind, note_attempt
from docplatform.core.tenant import Tenant, tenant_scope
from docplatform.runtime.isolation import count_attempt
from docplatform.runtime.metrics import Metric, count
from docplatform.runtime.telemetry import LogRecord
from docplatform.runtime.tenant_access import record

Policy = dict[str, Any]


class Unauthorized(Exception):
    """Makes API Gateway answer 401. It does so for exactly this text; for any other error it answers 500."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


@dataclass(frozen=True, slots=True)
class AuthorizerRequest:
    """The request that API Gateway asks about. Names of ``headers`` are in lower case. ``address``: the client's IP
    address."""

    method_arn: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    request_id: str
    log: LogRecord
    address: str = ""

    @property
    def host(self) -> str:
        return self.headers.get("host", "")

    def record_refusal(
        self, tenant: Tenant, action: Action, reason: str, user_id: str = UNKNOWN_USER, target: str = "api"
    ) -> None:
        """Record the refusal in the audit trail of the tenant whose address was called. If that fails, the request is
        refused all the same, and the log has the error."""
        actor = Actor(tenant, user_id, "", Role.VIEWER, self.request_id)
        try:
            record(actor, action, target, {"reason": reason})
        except Exception as error:
            self.log.add_error(error)

    def record_attempt(self, tenant: Tenant, kind: AttemptKind, actor: str) -> None:
        """Note that somebody came with another tenant's token or key. ``actor``: what identifies them."""
        note_attempt(kind)
        try:
            count_attempt(AuditSubject(tenant, UNKNOWN_USER, "", self.request_id), actor)
        except Exception as error:
            self.log.add_error(error)


def authorizer(
    name: str,
) -> Callable[[Callable[[AuthorizerRequest], Policy]], Callable[[dict[str, Any], object], Policy]]:
    """Make a Lambda handler of the function that decides. It writes one log line with the event ``name`` for each call,
    and treats Unauthorized as a decision and any other exception as an error."""

    def wrap(decide: Callable[[AuthorizerRequest], Policy]) -> Callable[[dict[str, Any], object], Policy]:
        def handler(event: dict[str, Any], _context: object) -> Policy:
            headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
            context = event.get("requestContext") or {}
            request_id, address = context.get("requestId") or "", (context.get("identity") or {}).get("sourceIp") or ""
            log = LogRecord(name, request_id)
            with tenant_scope():
                try:
                    query = event.get("queryStringParameters") or {}
                    decided = decide(AuthorizerRequest(event["methodArn"], headers, query, request_id, log, address))
                    if decided["policyDocument"]["Statement"][0]["Effect"] == "Deny":
                        count(Metric.REFUSALS, by=Forbidden.code)
                    return decided
                except Unauthorized:
                    count(Metric.REFUSALS, by=Unauthenticated.code)
                    raise
                except Exception as error:
                    log.add_error(error)
                    raise
                finally:
                    log.write()

        return handler

    return wrap


def policy(effect: str, principal: str, resource: str, context: Mapping[str, str]) -> Policy:
    """The authorizer's response. API Gateway passes ``context`` to the functions; clients cannot change it."""
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": principal, "policyDocument": document, "context": dict(context)}
