"""The categories of errors, and the errors that every capability speaks of.

``code`` is public and stable; HTTP status is decided in ``http/problems.py``.

DomainError
├── Invalid              the request cannot be understood or breaks a rule of its own
│   └── InvalidName · InvalidCursor · IdempotencyKeyReused
├── Unauthenticated      nobody, or nobody we know
├── Forbidden            somebody we know, who may not
│   └── StepUpRequired · SessionNeeded
├── NotFound             unknown, foreign or erased: one answer for all three
│   └── TenantNotFound · GroupNotFound
├── Misdirected          the tenant lives in another region
├── Conflict             the state of things is against it
│   └── ChangedMeanwhile · AlreadyDone
├── PreconditionFailed   If-Match names another revision
├── TooLarge             over the plan's largest file
├── QuotaExceeded        over the plan's storage, documents or users
├── TooManyAttempts      locked out for a while
├── TenantSuspended
└── Unavailable          something we need does not answer; try again
    └── MailNotSent      what the mail is about is done all the same

Each capability draws its own errors at the top of its ``errors.py``, below these. Each use case declares with ``raises``
which of them it raises; routes and the OpenAPI document take the list from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar


class DomainError(Exception):
    """``detail`` says what to do, in a sentence; ``facts`` are further public members of the problem document."""

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
    """An API key came where only a person who has logged in may."""

    code, title = "session_needed", "This takes a person who has logged in"


class NotFound(DomainError):
    code, title = "not_found", "Nothing is there"


class TenantNotFound(NotFound):
    code, title = "tenant_not_found", "No such tenant"


class GroupNotFound(NotFound):
    code, title = "group_not_found", "No such group"


class Misdirected(DomainError):
    """RFC 9110 §15.5.20: this origin does not answer for that authority. ``address`` is where to go."""

    code, title = "wrong_region", "The tenant lives in another region"

    def __init__(self, region: str, address: str) -> None:
        super().__init__(f"Send the request to {address}.", region=region, address=address)


class Conflict(DomainError):
    code, title = "conflict", "The state of things is against it"


class ChangedMeanwhile(Conflict):
    code, title = "changed_meanwhile", "Somebody else changed it at the same moment"


class AlreadyDone(Conflict):
    """The idempotency key is taken: the first request's result is the answer, or it is still under way."""

    code, title = "already_done", "The same request is under way"


class PreconditionFailed(DomainError):
    code, title = "precondition_failed", "It has changed since you read it"


class TooLarge(DomainError):
    code, title = "file_too_large", "The file is larger than the plan allows"


class QuotaExceeded(DomainError):
    code, title = "quota_exceeded", "The plan's quota is used up"


class TooManyAttempts(DomainError):
    """``retry_after``: seconds."""

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
    """Declare the errors that a use case raises. The function itself is returned: a call of it costs nothing more."""

    def declare(use_case: F) -> F:
        vars(use_case)["raises"] = errors
        return use_case

    return declare


def raised_by(*use_cases: UseCase) -> tuple[type[DomainError], ...]:
    """The errors that use cases declare, each once. Raises KeyError for a use case without a declaration."""
    return tuple(dict.fromkeys(error for use_case in use_cases for error in vars(use_case)["raises"]))
