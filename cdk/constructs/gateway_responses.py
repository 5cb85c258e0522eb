"""Problem documents (RFC 9457) that API Gateway answers by itself, in the form of the functions' own."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

_AGAIN = "Try again in a moment; quote the request's id when you ask for help."
_FORBIDDEN = ("forbidden", "You may not do this")
_UNKNOWN = ("unknown_route", "There is nothing at this path")
_MALFORMED = ("malformed_request", "The request cannot be read")
_INTERNAL = ("internal", "Something went wrong")
_TIMEOUT = ("timeout", "It took too long")
_THROTTLED = ("too_many_requests", "Too many requests")

PROBLEMS: Mapping[str, tuple[int, str, str, str]] = {
    "UNAUTHORIZED": (
        401,
        "unauthenticated",
        "Log in first",
        "Send a valid access token: 'Authorization: Bearer <token>'.",
    ),
    "ACCESS_DENIED": (403, *_FORBIDDEN, "The token is not one of the organisation whose address was called."),
    "EXPIRED_TOKEN": (403, *_FORBIDDEN, "The credentials that signed the request have expired."),
    "INVALID_SIGNATURE": (403, *_FORBIDDEN, "The signature does not fit the request."),
    "INVALID_API_KEY": (403, *_FORBIDDEN, "The API key is not valid."),
    "WAF_FILTERED": (403, *_FORBIDDEN, "The request looks like an attack, or too many came from this address."),
    "MISSING_AUTHENTICATION_TOKEN": (
        404,
        *_UNKNOWN,
        "See /v1/openapi.json for what there is; an operator's call must be signed.",
    ),
    "RESOURCE_NOT_FOUND": (404, *_UNKNOWN, "See /v1/openapi.json for what there is."),
    "REQUEST_TOO_LARGE": (
        413,
        "request_too_large",
        "The request is too large",
        "Files go to their upload link, not to the API.",
    ),
    "UNSUPPORTED_MEDIA_TYPE": (
        415,
        "unsupported_media_type",
        "Send the media type that the operation takes",
        "Most take application/json.",
    ),
    "THROTTLED": (429, *_THROTTLED, "Wait as Retry-After says, then go on more slowly."),
    "QUOTA_EXCEEDED": (429, *_THROTTLED, "Wait as Retry-After says, then go on more slowly."),
    "BAD_REQUEST_BODY": (400, *_MALFORMED, "The body is not what the API's description asks for."),
    "BAD_REQUEST_PARAMETERS": (400, *_MALFORMED, "A parameter is not what the API's description asks for."),
    "API_CONFIGURATION_ERROR": (500, *_INTERNAL, _AGAIN),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, *_INTERNAL, _AGAIN),
    "AUTHORIZER_FAILURE": (500, *_INTERNAL, _AGAIN),
    "INTEGRATION_FAILURE": (504, *_TIMEOUT, _AGAIN),
    "INTEGRATION_TIMEOUT": (504, *_TIMEOUT, _AGAIN),
    "DEFAULT_4XX": (400, *_MALFORMED, "See /v1/openapi.json for what the API takes."),
    "DEFAULT_5XX": (500, *_INTERNAL, _AGAIN),
}
"""Response type → status, code, title, detail. Every type of
docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html, with a status of its own:
the template cannot learn the status that a default would have given."""

_MORE_HEADERS = {401: {"WWW-Authenticate": "'Bearer realm=\"docplatform\"'"}, 429: {"Retry-After": "'1'"}}


def add_gateway_responses(scope: Construct, api: apigateway.RestApi) -> None:
    for kind, (status, code, title, detail) in PROBLEMS.items():
        body = {
            "type": f"urn:docplatform:problem:{code}",
            "title": title,
            "status": status,
            "code": code,
            "detail": detail,
            "request_id": "$context.requestId",
        }
        apigateway.GatewayResponse(
            scope,
            "".join(part.capitalize() for part in kind.split("_")),
            rest_api=api,
            type=apigateway.ResponseType.of(kind),
            status_code=str(status),
            response_headers={
                "Content-Type": "'application/problem+json'",
                "Cache-Control": "'no-store'",
                **_MORE_HEADERS.get(status, {}),
            },
            templates={"application/json": json.dumps(body)},
        )
