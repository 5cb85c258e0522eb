"""Rules of the SCIM protocol (RFC 7644): errors, versions, list responses and the service provider's
configuration."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pydantic import ValidationError
from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    Context,
    ETag,
    External,
    Filter,
    ListResponse,
    Meta,
    Patch,
    Reference,
    Resource,
    ResourceType,
    ResponseParameters,
    SCIMException,
    ScimPolicy,
    SearchRequest,
    ServiceProviderConfig,
    Sort,
)

from docplatform.core.errors import DomainError, Invalid, PreconditionFailed
from docplatform.directory.errors import GroupNameTaken, UserNameTaken
from docplatform.http import problems
from docplatform.http.problems import MalformedRequest
from docplatform.http.request import Request
from docplatform.http.router import Dialect, InvalidRequest
from docplatform.identity.errors import EmailTaken

from .schemas import ScimError

T = TypeVar("T")

MOST_RESULTS = 200
POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
"""Lenient where existing provisioning systems deviate from the RFCs."""

_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_UNIQUE = (EmailTaken, UserNameTaken, GroupNameTaken)


class ScimRefused(DomainError):
    """A request that violates the SCIM protocol. ``facts`` may hold the HTTP ``status`` and the ``scim_type``."""

    code, title = "scim_refused", "The SCIM request is refused"


def _status_of(kind: type[DomainError]) -> int:
    """The HTTP status of an error. SCIM uses 400 for what is 422 elsewhere in the API (RFC 7644 §3.12, table 9)."""
    return 400 if issubclass(kind, Invalid | ScimRefused) else int(problems.status_of(kind))


def _document(error: DomainError, _request_id: str) -> dict[str, Any]:
    status, kind = _status_of(type(error)), ""
    if isinstance(error, ScimRefused):
        status, kind = int(str(error.facts.get("status", status))), str(error.facts.get("scim_type", ""))
    elif isinstance(error, _UNIQUE):
        kind = "uniqueness"
    elif isinstance(error, Invalid | InvalidRequest):
        kind = "invalidValue"
    elif isinstance(error, MalformedRequest):
        kind = "invalidSyntax"
    document = {"schemas": [_ERROR], "status": str(status), "detail": error.detail or error.title + "."}
    return document | ({"scimType": kind} if kind else {})


DIALECT = Dialect(
    media_type="application/scim+json",
    accepts=frozenset({"application/scim+json", "application/json"}),
    error_type="application/scim+json",
    error_model=ScimError,
    status_of=_status_of,
    document=_document,
)


def translate_errors(call: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a route: errors of scim2-models and pydantic become ScimRefused."""

    @functools.wraps(call)
    def wrapped(*arguments: Any, **more: Any) -> Any:
        try:
            with POLICY:
                return call(*arguments, **more)
        except SCIMException as error:
            raise ScimRefused(_sentence(error), status=error.status, scim_type=error.scim_type) from error
        except RecursionError:
            raise ScimRefused("It is nested too deeply.", scim_type="invalidValue") from None
        except ValidationError as error:
            raise ScimRefused(_first_error(error), scim_type=_scim_type(error)) from None

    return wrapped


def _sentence(error: SCIMException) -> str:
    """The error's text. Where it repeats the validator's, which has several lines and a web address, its first error."""
    causes = (error.__cause__, error.__context__)
    found = next((each for each in causes if isinstance(each, ValidationError)), None)
    return _first_error(found) if found else error.detail.partition("\n")[0]


def _first_error(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = ".".join(map(str, first["loc"]))
    return f"{path}: {first['msg']}" if path else str(first["msg"])


def _scim_type(error: ValidationError) -> str:
    """The protocol's error type. scim2-models names the reason of some errors 'scim_<reason>'."""
    kind = str(error.errors(include_url=False, include_input=False)[0]["type"])
    words = kind.removeprefix("scim_").split("_") if kind.startswith("scim_") else ["invalid", "value"]
    return words[0] + "".join(word.title() for word in words[1:])


def required_revision(request: Request) -> int | None:
    """The revision that If-Match names, with or without the ``W/`` of a weak tag; None if any is accepted. Raises
    PreconditionFailed for a tag of another form."""
    tag = request.headers.get("if-match", "*").strip()
    if tag == "*":
        return None
    digits = tag.removeprefix("W/").strip('"')
    if not (digits.isascii() and digits.isdigit()):
        raise PreconditionFailed("Read it again: that is not its version.")
    return int(digits[:15])


def version(revision: int) -> str:
    return f'W/"{revision}"'


def dump(resource: Any, context: Context, selection: ResponseParameters[Any] | None = None) -> dict[str, Any]:
    """The resource as JSON, with the selected attributes."""
    dumped: dict[str, Any] = resource.model_dump(scim_ctx=context, response_parameters=selection)
    return dumped


def page(model: Any, found: Iterable[Any], total: int, start: int, wanted: SearchRequest[Any] | None) -> dict[str, Any]:
    """A list response. ``start`` counts from 1."""
    resources = list(found)
    response = ListResponse[model](
        total_results=total, start_index=start, items_per_page=len(resources), resources=resources
    )
    dumped: dict[str, Any] = response.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=wanted)
    return {"Resources": [], **dumped}


def page_bounds(wanted: SearchRequest[Any]) -> tuple[int, int]:
    """The first entry of a page, counted from 1, and the largest number of entries (RFC 7644 §3.4.2.4)."""
    count = MOST_RESULTS if wanted.count is None else max(0, min(wanted.count, MOST_RESULTS))
    return max(1, wanted.start_index or 1), count


def matcher(wanted: SearchRequest[Any], present: Callable[[T], Any]) -> Callable[[T], bool] | None:
    """The request's filter as a predicate; None without a filter. ``present`` makes the resource that the
    filter is applied to."""
    condition = wanted.filter
    return None if condition is None else lambda found: bool(condition.match(present(found)))


def configuration(base: str) -> ServiceProviderConfig:
    return ServiceProviderConfig(
        documentation_uri=Reference[External](f"{base}/v1/openapi.json"),
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=True),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="An admin's access token, or an API key that may manage users",
                primary=True,
            )
        ],
        meta=Meta(resource_type="ServiceProviderConfig", location=f"{base}/scim/v2/ServiceProviderConfig"),
    )


def resource_type(model: type[Resource[Any]], base: str) -> ResourceType:
    described = ResourceType.from_resource(model)
    described.meta = Meta(resource_type="ResourceType", location=f"{base}/scim/v2/ResourceTypes/{described.id}")
    return described
