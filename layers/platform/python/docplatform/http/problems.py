"""Converts domain errors to HTTP. Only this module knows status codes. Bodies are problem documents (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus

from docplatform.core import errors as e

CONTENT_TYPE = "application/problem+json"

STATUS: dict[type[e.DomainError], HTTPStatus] = {
    e.Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    e.InvalidCursor: HTTPStatus.BAD_REQUEST,
    e.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    e.Forbidden: HTTPStatus.FORBIDDEN,
    e.TenantSuspended: HTTPStatus.FORBIDDEN,
    e.NotFound: HTTPStatus.NOT_FOUND,
    e.Misdirected: HTTPStatus.MISDIRECTED_REQUEST,
    e.Conflict: HTTPStatus.CONFLICT,
    e.PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    e.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    e.QuotaExceeded: HTTPStatus.PAYMENT_REQUIRED,
    e.TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS,
    e.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


class MalformedRequest(e.DomainError):
    """The request cannot be read, before its meaning matters: for example, its body is not JSON."""

    code, title = "malformed_request", "The request cannot be read"


class UnknownRoute(e.DomainError):
    code, title = "unknown_route", "There is nothing at this path"


class MethodNotAllowed(e.DomainError):
    code, title = "method_not_allowed", "The path does not answer to this method"


class UnsupportedMediaType(e.DomainError):
    code, title = "unsupported_media_type", "Send the media type that the operation takes"


class RequestTooLarge(e.DomainError):
    code, title = "request_too_large", "The request is too large"


class CrossTenantFault(e.DomainError):
    """Something of another tenant came up in this request (``core/isolation.py``). It is dropped with all the rest."""

    code, title = "isolation_fault", "Something went wrong"


STATUS |= {
    MalformedRequest: HTTPStatus.BAD_REQUEST,
    UnknownRoute: HTTPStatus.NOT_FOUND,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    RequestTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}


def status_of(kind: type[e.DomainError]) -> HTTPStatus:
    """The status of an error class: its own, or that of the nearest base class with one."""
    for ancestor in kind.__mro__:
        if ancestor in STATUS:
            return STATUS[ancestor]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def document(error: e.DomainError, request_id: str) -> dict[str, object]:
    """The problem document. ``type`` is a URN (RFC 9457 §3.1.1 allows any URI), and programs can rely on its code."""
    return {
        "type": f"urn:docplatform:problem:{error.code}",
        "title": error.title,
        "status": int(status_of(type(error))),
        "code": error.code,
        "detail": error.detail or error.title + ".",
        "request_id": request_id,
        **error.facts,
    }
