"""Generates the OpenAPI 3.1 document from the routes: every operation, parameter, response and error.

python -m docplatform.http.openapi FUNCTIONS_FOLDER FILE…      writes the document to each FILE
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from docplatform import __version__
from docplatform.core import errors as e
from docplatform.http import problems
from docplatform.http.request import FORM
from docplatform.http.router import InvalidRequest, Route, Router
from docplatform.http.schemas import Form, Problem
from docplatform.runtime.spec import Auth, FunctionSpec

Operation = tuple[FunctionSpec, Auth, Route]

_EVERY = (problems.MethodNotAllowed, problems.UnknownRoute, problems.CrossTenantFault, e.DomainError)
_TENANT = (e.Misdirected, e.TenantNotFound, e.TenantSuspended)
_BODY = (InvalidRequest, problems.MalformedRequest, problems.UnsupportedMediaType, problems.RequestTooLarge)
_GATEWAY = {
    "429": "throttled: too many requests at once; try again after a moment",
    "504": "the function took longer than 29 seconds",
}
_HEADERS = {
    "Idempotency-Key": (
        "A value of your choice, at most 255 characters. A repetition with the same key within 24 hours has the same result. "
        "It needs what the first request needed, also if access was lost meanwhile.",
        {"type": "string", "maxLength": 255},
    ),
    "If-Match": (
        "The ETag of an earlier answer: change it only if it is still the same (RFC 9110 §13.1.1).",
        {"type": "string"},
    ),
}


def operations(functions: Path) -> list[Operation]:
    """Every operation of every function in the folder ``functions``, with the function's spec and its kind of
    caller."""
    found: list[Operation] = []
    for spec_file in sorted(functions.resolve().glob("*/spec.py")):
        package = spec_file.parent
        for spec in _module(package, "spec").FUNCTIONS:
            if spec.mounts:
                api: Router = _module(package, spec.handler.partition(".")[0]).api
                found += [(spec, _auth(spec, route), route) for route in api.routes]
    return found


def _module(package: Path, name: str) -> Any:
    """A module of a function's package. The folder of all functions is its parent package."""
    above = package.parent.parent
    sys.path.insert(0, str(above))
    try:
        return importlib.import_module(f"{package.parent.name}.{package.name}.{name}")
    finally:
        sys.path.remove(str(above))


def _auth(spec: FunctionSpec, route: Route) -> Auth:
    """The ``auth`` of the longest mount that contains the route. Raises ValueError for a route outside all mounts."""
    mounts = [mount for mount in spec.mounts if (route.path + "/").startswith(mount.path.rstrip("/") + "/")]
    if not mounts:
        raise ValueError(f"{spec.name} serves {route.path} without a mount")
    return max(mounts, key=lambda mount: len(mount.path)).auth


def document(folder: Path) -> dict[str, Any]:
    found = operations(folder)
    models: set[type[BaseModel]] = {Problem}
    for _, _, route in found:
        models.add(route.dialect.error_model)
        models |= {model for model in (route.body, route.response) if isinstance(model, type)}
    inputs = {route.body for _, _, route in found if route.body}
    wanted = sorted(models, key=lambda model: model.__name__)
    names, schemas = models_json_schema(
        [(model, "validation" if model in inputs else "serialization") for model in wanted],
        ref_template="#/components/schemas/{model}",
        schema_generator=_SchemaNames,
    )
    refs = {model: schema for (model, _), schema in names.items()}
    paths: dict[str, Any] = {}
    for spec, auth, route in sorted(found, key=lambda each: (each[2].path, each[2].method)):
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(spec, auth, route, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "docplatform",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Store, organise and search documents. Errors are problem documents (RFC 9457); times are RFC 3339 in UTC.",
        },
        "servers": [
            {
                "url": "https://{tenant}.docplatform.example",
                "description": "A tenant's address; it points at the tenant's region.",
                "variables": {"tenant": {"default": "acme"}},
            }
        ],
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "dpk_…",
                    "description": "An API key, in place of the access token; its scopes narrow what its owner may do.",
                },
                "operator": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "AWS Signature Version 4, service execute-api",
                },
            },
        },
    }


_PUBLISHED_NAMES = {"ProcessingStep": "Step", "ReasonKind": "Because"}
"""Class → published name, for schemas whose class was renamed later, so that generated clients need no change."""


class _SchemaNames(GenerateJsonSchema):
    """The names of schemas in the document. A page is named after its items, as in ``Page.model_parametrized_name``:
    ``UserPage``, not ``Page_UserView_``."""

    def normalize_name(self, name: str) -> str:
        name = re.sub(r"^Page\[(\w+?)(View)?\]$", r"\1Page", name)
        return super().normalize_name(_PUBLISHED_NAMES.get(name, name))

    def generate_definitions(self, inputs: Any) -> Any:
        schemas, definitions = super().generate_definitions(inputs)
        for definition in definitions.values():
            if definition.get("title") in _PUBLISHED_NAMES:
                definition["title"] = _PUBLISHED_NAMES[definition["title"]]
        return schemas, definitions


def _operation(spec: FunctionSpec, auth: Auth, route: Route, refs: dict[Any, Any]) -> dict[str, Any]:
    summary, _, more = route.summary.partition("\n")
    operation: dict[str, Any] = {
        "operationId": route.call.__name__,
        "tags": [spec.name],
        "summary": summary,
        "responses": _responses(auth, route, refs),
    }
    if more.strip():
        operation["description"] = more.strip()
    if auth is not Auth.PUBLIC:
        operation["security"] = [{scheme: []} for scheme in _schemes(auth, route)]
    parameters = _parameters(route)
    if parameters:
        operation["parameters"] = parameters
    if route.body:
        kind = FORM if issubclass(route.body, Form) else route.dialect.media_type
        operation["requestBody"] = {"required": True, "content": {kind: {"schema": refs[route.body]}}}
    return operation


def _schemes(auth: Auth, route: Route) -> tuple[str, ...]:
    if auth is Auth.OPERATOR:
        return ("operator",)
    return ("token", "key") if route.api_keys_allowed else ("token",)


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    if route.query:
        schema = route.query.model_json_schema()
        for name, field in schema["properties"].items():
            needed = name in schema.get("required", ())
            found.append({"name": name, "in": "query", "required": needed, "schema": field})
    for header in route.headers:
        description, header_schema = _HEADERS[header]
        found.append({"name": header, "in": "header", "description": description, "schema": header_schema})
    return found


_AUTHORIZER_STATUSES = ("401", "403")


def _responses(auth: Auth, route: Route, refs: dict[Any, Any]) -> dict[str, Any]:
    headers = {"X-Request-Id": {"schema": {"type": "string"}, "description": "Quote it when you ask for help."}}
    if 300 <= route.status < 400:
        headers["Location"] = {"schema": {"type": "string"}, "description": "Where to go on."}
    success: dict[str, Any] = {"description": HTTPStatus(route.status).phrase, "headers": headers}
    if isinstance(route.response, str):
        success["content"] = {route.response: {"schema": {"type": "string"}}}
    elif route.response:
        success["content"] = {route.dialect.media_type: {"schema": refs[route.response]}}
    by_status: dict[str, list[type[e.DomainError]]] = {}
    for kind in possible_errors(auth, route):
        by_status.setdefault(str(int(route.dialect.status_of(kind))), []).append(kind)
    gateway: dict[str, Any] = {problems.CONTENT_TYPE: {"schema": refs[Problem]}}
    problem: dict[str, Any] = {route.dialect.error_type: {"schema": refs[route.dialect.error_model]}}
    responses = {str(route.status): success}
    for status, kinds in sorted(by_status.items()):
        codes = sorted({f"`{kind.code}`: {kind.title}" for kind in kinds})
        by_either = status in _GATEWAY or status in _AUTHORIZER_STATUSES
        responses[status] = {"description": "; ".join(codes), "content": problem | (gateway if by_either else {})}
    for status, description in _GATEWAY.items():
        responses.setdefault(status, {"description": description, "content": gateway})
    return responses


def possible_errors(auth: Auth, route: Route) -> list[type[e.DomainError]]:
    """All errors that a route may answer with: those that it declares, and those of the router and the authorizer."""
    kinds: list[type[e.DomainError]] = [*_EVERY, *route.errors]
    if auth is Auth.TENANT or "tenant" in route.wants:
        kinds += _TENANT
    if auth is not Auth.PUBLIC:
        kinds += [e.Unauthenticated, e.Forbidden]
    if auth is Auth.TENANT:
        kinds += [e.AddressRefused]
    if route.step_up:
        kinds += [e.StepUpRequired]
    if auth is Auth.TENANT and not route.api_keys_allowed:
        kinds += [e.SessionNeeded]
    if route.body:
        kinds += _BODY
    kinds += [InvalidRequest if route.query else problems.MalformedRequest]
    return list(dict.fromkeys(kinds))


def render(folder: Path) -> str:
    return json.dumps(document(folder), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    text = render(Path(sys.argv[1]))
    for file in sys.argv[2:]:
        Path(file).write_text(text, encoding="utf-8")
