"""The categories of errors, and the errors that several capabilities raise.

``code`` is public and stable. ``http/problems.py`` decides the HTTP status.

DomainError
├── Invalid              the request cannot be understood or breaks a rule of its own
│   └── InvalidName · InvalidCursor · IdempotencyKeyReused
├── Unauthenticated      the caller is unknown
├── Forbidden            the caller is known, and is not allowed to do this
│   └── StepUpRequired · SessionNeeded · AddressRefused
├── NotFound             unknown, another tenant's, or erased: the answer is the same for all three
│   └── TenantNotFound · GroupNotFound
├── Misdirected          the tenant lives in another region
├── Conflict             the present state does not allow it
│   └── ChangedMeanwhile · AlreadyDone
├── PreconditionFailed   If-Match names another revision
├── TooLarge             the file is larger than the plan allows
├── QuotaExceeded        over the plan's storage, documents or users
├── TooManyAttempts      locked out for a while
├── TenantSuspended
└── Unavailable          a service that is needed does not answer; try again
    └── MailNotSent      the change that the mail announces is made all the same

Each capability's ``errors.py`` begins with a tree of its own errors. Each use case declares with ``raises`` which
errors it raises; routes and the OpenAPI document take the list from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar


class DomainError(Exception):
    """``detail``: a sentence that says what to do. ``facts``: further public members of the problem document."""

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str = "", **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts


class Invalid(DomainError):
    code, title = "invalid", "The request is not valid"


class InvalidName(Invalid):
    code, title = "invalid_name", "The name cannot be used"


class InvalidCursor(Invalid):
    code, title = "invalid_cursor", "The cursor is not one of ours"


class IdempotencyKeyReused(Invalid):
    code, title = "idempotency_key_reused", "The idempotency key was used for another request"


class Unauthenticated(DomainError):
    code, title = "unauthenticated", "Log in first"


class Forbidden(DomainError):
    code, title = "forbidden", "You may not do this"


class StepUpRequired(Forbidden):
    code, title = "step_up_required", "Show your password again"


class SessionNeeded(Forbidden):
    """The request has an API key, but the operation needs a session of a person who has logged in."""

    code, title = "session_needed", "This takes a person who has logged in"


class AddressRefused(Forbidden):
    """The organisation does not allow the IP address that the request comes from. Any read of a request may raise it."""

    code, title = "address_refused", "Your organisation does not allow access from your network"

    def __init__(self) -> None:
        super().__init__("Use a network that your organisation allows, or ask one of its admins.")


class NotFound(DomainError):
    code, title = "not_found", "Nothing is there"


class TenantNotFound(NotFound):
    code, title = "tenant_not_found", "No such tenant"


class GroupNotFound(NotFound):
    code, title = "group_not_found", "No such group"


class Misdirected(DomainError):
    """The tenant lives in another region (421, RFC 9110 §15.5.20). ``address``: the URL to use instead."""

    code, title = "wrong_region", "The tenant lives in another region"

    def __init__(self, region: str, address: str) -> None:
        super().__init__(f"Send the request to {address}.", region=region, address=address)


class Conflict(DomainError):
    code, title = "conflict", "The state of things is against it"


class ChangedMeanwhile(Conflict):
    code, title = "changed_meanwhile", "Somebody else changed it at the same moment"


class AlreadyDone(Conflict):
    """Another request with the same idempotency key is in progress, or has ended with a result."""

    code, title = "already_done", "The same request is under way"


class PreconditionFailed(DomainError):
    code, title = "precondition_failed", "It has changed since you read it"


class TooLarge(DomainError):
    code, title = "file_too_large", "The file is larger than the plan allows"


class QuotaExceeded(DomainError):
    code, title = "quota_exceeded", "The plan's quota is used up"


class TooManyAttempts(DomainError):
    """``retry_after``: whole seconds, at least 1."""

    code, title = "too_many_attempts", "Too many attempts"

    def __init__(self, seconds: float) -> None:
        wait = max(1, math.ceil(seconds))
        super().__init__(f"Try again in {wait} seconds.", retry_after=wait)


class TenantSuspended(DomainError):
    code, title = "tenant_suspended", "The tenant is suspended"


class Unavailable(DomainError):
    code, title = "unavailable", "Try again in a moment"


class MailNotSent(Unavailable):
    code, title = "mail_not_sent", "The mail could not be sent"


UseCase = Callable[..., Any]
F = TypeVar("F", bound=UseCase)


def raises(*errors: type[DomainError]) -> Callable[[F], F]:
    """Declare the errors that a use case raises. The decorator returns the function itself: calls take no longer."""

    def declare(use_case: F) -> F:
        vars(use_case)["raises"] = errors
        return use_case

    return declare


def raised_by(*use_cases: UseCase) -> tuple[type[DomainError], ...]:
    """The errors that the use cases declare, each once. Raises KeyError for a use case without a declaration."""
    return tuple(dict.fromkeys(error for use_case in use_cases for error in vars(use_case)["raises"]))
