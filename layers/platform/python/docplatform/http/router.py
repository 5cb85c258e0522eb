"""The HTTP edge of every API function: routes, parsing, the actor, errors, one log line and the audit of refusals.

A function declares its routes with decorators. The names of a handler's parameters decide what it receives:

    ``actor``    the caller (TENANT mounts)
    ``tenant``   the tenant whose address is called (PUBLIC mounts)
    ``request``  the request itself
    ``body``     the body, parsed as the parameter's annotation: a ``Form`` from form fields, other models from JSON
    ``query``    the query string, parsed as the parameter's annotation
    any other    the path parameter of that name

``use_case`` names the use cases that a handler calls. The errors that they declare (``core.errors.raises``) are the
route's.

Routes are found in nested dictionaries, one for each segment of the path, so the time does not depend on their number.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol, get_type_hints
from urllib.parse import unquote

from pydantic import BaseModel, ValidationError

from docplatform.core.actor import Actor, Permission
from docplatform.core.audit import Action, audit_scope
from docplatform.core.errors import (
    DomainError,
    TooManyAttempts,
    Unauthenticated,
    UseCase,
    raised_by,
)
from docplatform.core.isolation import IsolationFault
from docplatform.core.tenant import Tenant, enter_tenant, tenant_scope
from docplatform.http import problems
from docplatform.http.auditing import RequestAudit
from docplatform.http.consequence import Consequence
from docplatform.http.paging import cursor_parameter, open_cursor
from docplatform.http.problems import (
    CrossTenantFault,
    MalformedRequest,
    MethodNotAllowed,
    RequestTooLarge,
    UnknownRoute,
    UnsupportedMediaType,
)
from docplatform.http.request import FORM, Request, check_encoding, form_of, json_of
from docplatform.http.schemas import Form, Problem, Response
from docplatform.infra.dynamodb.authority import Authority, authority_scope
from docplatform.runtime import tenant_access, tenant_resolution
from docplatform.runtime.metrics import Metric, count
from docplatform.runtime.telemetry import LogRecord

_ANY = None  # in the tree of routes: any value of a path parameter. No segment of a path equals it.
_REDIRECTS = (HTTPStatus.FOUND, HTTPStatus.SEE_OTHER)
_LARGEST_BODY = 1_000_000  # characters; documents are uploaded to S3 and never pass through the API

_SAFE = ("GET", "HEAD")  # methods that change nothing (RFC 9110 §9.2.1)
_LOGGED = "It has been logged under the request's id."

Handler = Callable[..., Any]


class Authorities(Protocol):
    def __call__(
        self, actor: Actor, claims: Mapping[str, Any], needed: Permission | None, *, pinned: bool, address: str
    ) -> Authority:
        """The authority of this actor, for an operation that needs this permission. ``pinned``: as in Authority.
        ``address``: the IP address that the request comes from. Raises Forbidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The format of bodies, responses and errors. A standard may prescribe another format (SCIM: RFC 7644 §3.12)."""

    media_type: str = "application/json"
    accepts: frozenset[str] = frozenset({"application/json"})
    error_type: str = problems.CONTENT_TYPE
    error_model: type[BaseModel] = Problem
    status_of: Callable[[type[DomainError]], int] = problems.status_of
    document: Callable[[DomainError, str], dict[str, Any]] = problems.document


DEFAULT_DIALECT = Dialect()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation of the API. The OpenAPI document is generated from its fields."""

    method: str
    path: str
    call: Handler
    summary: str
    permission: Permission | None
    status: int
    response: type[BaseModel] | str | None
    use_cases: tuple[UseCase, ...]
    handler_errors: tuple[type[DomainError], ...]
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    wants: tuple[str, ...]
    headers: tuple[str, ...] = field(default=())
    dialect: Dialect = DEFAULT_DIALECT
    step_up: Callable[[Actor], None] | None = None
    api_keys_allowed: bool = False
    consequence: Consequence = Consequence.NONE
    critical_if: Callable[[Any], bool] | None = None
    audit_action: Action = Action.REQUEST_ANSWERED
    cursor_in: str = ""

    @property
    def errors(self) -> tuple[type[DomainError], ...]:
        """The errors of its use cases, and those that only the handler raises."""
        return tuple(dict.fromkeys((*raised_by(*self.use_cases), *self.handler_errors)))


class Router:
    def __init__(
        self,
        dialect: Dialect = DEFAULT_DIALECT,
        *,
        api_keys_allowed: bool = False,
        authorities: Authorities | None = None,
    ) -> None:
        """``api_keys_allowed``: the default of the router's operations. API keys are refused unless this or the route
        allows them, so that a forgotten argument does not open, for example, an operation on passwords to API keys.
        ``authorities``: for the router that handles requests, if it has routes with an actor."""
        self._dialect, self._api_keys_allowed, self._authorities = dialect, api_keys_allowed, authorities
        self.routes: list[Route] = []
        self._tree: dict[str | None, Any] = {}

    def get(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        return self._route("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        return self._route("POST", path, **options)

    def put(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        return self._route("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        return self._route("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        return self._route("DELETE", path, **options)

    def _route(
        self,
        method: str,
        path: str,
        *,
        response: type[BaseModel] | str | None = None,
        permission: Permission | None = None,
        status: int = HTTPStatus.OK,
        use_case: UseCase | tuple[UseCase, ...] = (),
        errors: tuple[type[DomainError], ...] = (),
        headers: tuple[str, ...] = (),
        step_up: Callable[[Actor], None] | None = None,
        api_keys_allowed: bool | None = None,
        consequence: Consequence | None = None,
        critical_if: Callable[[Any], bool] | None = None,
        audit_action: Action = Action.REQUEST_ANSWERED,
    ) -> Callable[[Handler], Handler]:
        """``response``: the model of a JSON response, or the media type of a text. ``use_case``: the methods that the
        handler calls; their errors are the route's. ``errors``: errors that only the handler raises. ``headers``:
        request headers that the operation uses (Idempotency-Key, If-Match). ``step_up``: a check that the user was
        authenticated recently; it raises StepUpRequired. ``api_keys_allowed``: whether an API key may call the
        operation; otherwise it needs a session. ``consequence``: what the operation leaves behind; a route with an
        actor must say it, unless its method is safe. A critical one, and only that, has a ``step_up``. ``critical_if``:
        the operation is critical for some bodies only. ``audit_action``: what the audit trail records of a success if
        the use case records nothing."""

        def register(call: Handler) -> Handler:
            hints = get_type_hints(call)
            if consequence is None and "actor" in hints and method not in _SAFE:
                raise TypeError(f"{method} {path} does not declare its consequence")
            if bool(step_up) is not (consequence is Consequence.CRITICAL or bool(critical_if)):
                raise TypeError(f"{method} {path}: a step-up belongs to what is critical, and the other way round")
            route = Route(
                method=method,
                path=path,
                call=call,
                summary=(inspect.getdoc(call) or "").strip(),
                permission=permission,
                status=int(status),
                response=response,
                use_cases=use_case if isinstance(use_case, tuple) else (use_case,),
                handler_errors=errors,
                body=hints.get("body"),
                query=hints.get("query"),
                wants=tuple(inspect.signature(call).parameters),
                headers=headers,
                dialect=self._dialect,
                step_up=step_up,
                api_keys_allowed=self._api_keys_allowed if api_keys_allowed is None else api_keys_allowed,
                consequence=consequence or Consequence.NONE,
                critical_if=critical_if,
                audit_action=audit_action,
                cursor_in=cursor_parameter(f"{method} {path}", hints, response),
            )
            self._add(route)
            return call

        return register

    def _add(self, route: Route) -> None:
        self.routes.append(route)
        node = self._tree
        for segment in route.path.strip("/").split("/"):
            node = node.setdefault(_ANY if segment.startswith("{") else segment, {})
        node.setdefault("", {})[route.method] = route

    def include(self, other: Router) -> None:
        """Add the routes of another module of the same function."""
        for route in other.routes:
            self._add(route)

    def handler(self, event: dict[str, Any], _context: object) -> dict[str, Any]:
        """The Lambda entry point for API Gateway's proxy integration."""
        with tenant_scope(), audit_scope() as stored:
            return self._respond(Request.of(event), stored)

    def _respond(self, request: Request, stored: list[Action]) -> dict[str, Any]:
        """``stored``: grows with the action of each audit record that the request stores."""
        log = LogRecord("request", request.id)
        audit = RequestAudit(request, log, stored)
        try:
            route, given = self._match(request)
            audit.route, audit.values = route, dict(given)
            log.add(route=f"{route.method} {route.path}")
            if "tenant" in route.wants:
                tenant: Tenant = tenant_resolution.tenant_of(request.host)
                enter_tenant(tenant)
                given["tenant"] = tenant
            if "actor" in route.wants:
                given["actor"] = audit.subject = request.actor()
            answer_of = self._answer_actor if "actor" in route.wants else self._answer
            answer = answer_of(route, request, given)
            audit.succeeded()
        except DomainError as error:
            log.add(problem=error.code)
            count(Metric.REFUSALS, by=error.code)
            audit.refused(error)
            answer = _problem(self._dialect, error, request)
        except IsolationFault as error:
            log.add_error(error)
            audit.isolation_failed(error)
            answer = _problem(self._dialect, CrossTenantFault(_LOGGED), request)
        except Exception as error:
            log.add_error(error)
            audit.failed()
            answer = _problem(self._dialect, DomainError(_LOGGED), request)
        audit.count_attempts()
        log.add(status=answer["statusCode"])
        log.write()
        answer["headers"] = {
            "X-Request-Id": request.id,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **answer["headers"],
        }
        return answer

    def _answer_actor(self, route: Route, request: Request, given: dict[str, Any]) -> dict[str, Any]:
        """Answer a route that needs the actor."""
        actor: Actor = given["actor"]
        enter_tenant(actor.tenant)
        if not route.api_keys_allowed:
            actor.require_session()
        if route.permission:
            actor.require(route.permission)
        return self._answer_with_authority(route, request, given, actor)

    def _answer_with_authority(
        self, route: Route, request: Request, given: dict[str, Any], actor: Actor
    ) -> dict[str, Any]:
        """Answer only if the items of the actor confirm what the authorizer said, at the latest after the handler."""
        if self._authorities is None:
            raise TypeError("a router with actors needs their authorities")
        pinned = route.consequence is not Consequence.CONTENT
        authority = self._authorities(actor, request.claims, route.permission, pinned=pinned, address=request.address)
        with authority_scope(authority):
            if route.step_up and not route.critical_if:
                route.step_up(actor)
            answer = self._answer(route, request, given)
            if not authority.verified:
                tenant_access.table(actor.tenant).read_again(authority)
        return answer

    def _match(self, request: Request) -> tuple[Route, dict[str, Any]]:
        node, values = self._tree, []
        for segment in request.path.strip("/").split("/"):
            if segment and segment in node:
                node = node[segment]
            elif segment and _ANY in node:
                node = node[_ANY]
                values.append(unquote(segment))
            else:
                raise UnknownRoute("Look at /v1/openapi.json for what there is.")
        methods: dict[str, Route] = node.get("", {})
        if not methods:
            raise UnknownRoute("Look at /v1/openapi.json for what there is.")
        if request.method not in methods:
            raise MethodNotAllowed(f"It answers to {', '.join(sorted(methods))}.", allow=sorted(methods))
        route = methods[request.method]
        names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
        return route, dict(zip(names, values, strict=True))

    def _answer(self, route: Route, request: Request, given: dict[str, Any]) -> dict[str, Any]:
        if route.body:
            given["body"] = _parsed(route, route.body, request)
            if route.critical_if and route.step_up and route.critical_if(given["body"]):
                given["actor"].require_session()
                route.step_up(given["actor"])
        if route.query:
            given["query"] = _validated(route.query, request.query, "query")
        elif request.query:
            raise MalformedRequest(
                f"This operation takes no query parameters ({', '.join(sorted(request.query))[:200]})."
            )
        if "request" in route.wants:
            given["request"] = request
        encrypt = open_cursor(f"{route.method} {route.path}", route.cursor_in, given)
        answer = route.call(**given)
        response = answer if isinstance(answer, Response) else Response(answer)
        headers = dict(response.headers)
        if isinstance(route.response, str):
            return {
                "statusCode": route.status,
                "headers": {**headers, "Content-Type": route.response},
                "body": response.text,
            }
        if route.status in _REDIRECTS:
            return {"statusCode": route.status, "headers": headers, "body": ""}
        if response.body is None:
            status = route.status if route.response is None else HTTPStatus.NO_CONTENT.value
            return {"statusCode": status, "headers": headers, "body": ""}
        headers["Content-Type"] = route.dialect.media_type
        return {"statusCode": route.status, "headers": headers, "body": encrypt(response.body).model_dump_json()}


def _parsed(route: Route, model: type[BaseModel], request: Request) -> BaseModel:
    is_form = issubclass(model, Form)
    own, accepted = (FORM, {FORM}) if is_form else (route.dialect.media_type, route.dialect.accepts)
    kind = request.headers.get("content-type", own).split(";")[0].strip().lower()
    if kind not in accepted:
        raise UnsupportedMediaType(f"Send the body as {own}.")
    if len(request.body) > _LARGEST_BODY:
        raise RequestTooLarge(f"A request has at most {_LARGEST_BODY:,} characters; documents go to their upload link.")
    check_encoding(request.headers.get("content-type", ""), request.body)
    return _validated(model, (form_of if is_form else json_of)(request.body), "body")


def _validated(model: type[BaseModel], value: dict[str, Any], where: str) -> BaseModel:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = [
            {"field": ".".join([where, *map(str, fault["loc"])]), "message": fault["msg"]}
            for fault in error.errors(include_url=False, include_input=False, include_context=False)[:20]
        ]
        detail = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults[:3])
        raise InvalidRequest(detail, errors=faults) from None


class InvalidRequest(MalformedRequest):
    """The request can be read, but does not fit the operation's model."""

    code, title = "invalid_request", "The request does not fit the operation"


def _problem(dialect: Dialect, error: DomainError, request: Request) -> dict[str, Any]:
    document = dialect.document(error, request.id)
    headers = {"Content-Type": dialect.error_type}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="docplatform"'  # RFC 6750 §3
    if isinstance(error, TooManyAttempts):
        headers["Retry-After"] = str(error.facts["retry_after"])  # RFC 9110 §10.2.3
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.facts["allow"])  # type: ignore[arg-type]
    return {"statusCode": int(document["status"]), "headers": headers, "body": json.dumps(document)}
