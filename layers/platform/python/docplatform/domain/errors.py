"""Everything that can go wrong in the product's own words.

``code`` is public and stable; HTTP status is decided in ``runtime/problems.py``.

DomainError
├── Invalid              the request cannot be understood or breaks a rule of its own
│   ├── InvalidName · InvalidCursor · InvalidQuery · FolderCycle · TooDeep · WeakPassword ·
│           InvalidPrincipal · InvalidExpiry · ScopeNotHeld · IdempotencyKeyReused
├── Unauthenticated      nobody, or nobody we know
│   └── InvalidCredentials · InvalidInvitation · InvalidRefreshToken · InvalidReset · InvalidChallenge · InvalidCode
│       InvalidTicket · MfaRequired · MfaEnrolmentRequired · SsoRefused
├── Forbidden            somebody we know, who may not
│   └── ProofRefused · StepUpRequired · SessionNeeded · SsoRequired
├── NotFound             unknown, foreign or erased: one answer for all three
│   └── TenantNotFound · FolderNotFound · DocumentNotFound · UserNotFound · GroupNotFound ·
│           GrantNotFound · SessionNotFound · FactorNotFound · ServiceAccountNotFound · ApiKeyNotFound ·
│           SsoNotConnected
├── Misdirected          the tenant lives in another region
├── Conflict             the state of things is against it
│   └── NameTaken · FolderNotEmpty · RootFolder · NotReady · UploadFinished · SubdomainTaken · EmailTaken ·
│           UserNameTaken · GroupNameTaken · TooManyGrants · TooManyGroups · ChangedMeanwhile · AlreadyDone ·
│           LastAdmin · MfaIsRequired
├── PreconditionFailed   If-Match names another revision
├── TooLarge             over the plan's largest file
├── QuotaExceeded        over the plan's storage, documents or users
├── TooManyAttempts      locked out for a while
├── TenantSuspended
└── Unavailable          something we need does not answer; try again
    └── MailNotSent      what the mail is about is done all the same
        SsoUnavailable   the tenant's identity provider does not answer
"""

from __future__ import annotations

import math
from typing import ClassVar


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


class InvalidQuery(Invalid):
    code, title = "invalid_query", "The query cannot be understood"


class FolderCycle(Invalid):
    code, title = "folder_cycle", "A folder cannot be moved into itself"


class TooDeep(Invalid):
    code, title = "too_deep", "The folders are nested too deeply"


class WeakPassword(Invalid):
    code, title = "weak_password", "The password is too weak"


class InvalidPrincipal(Invalid):
    code, title = "invalid_principal", "Nothing can be granted to that"


class IdempotencyKeyReused(Invalid):
    code, title = "idempotency_key_reused", "The idempotency key was used for another request"


class InvalidExpiry(Invalid):
    code, title = "invalid_expiry", "The time of expiry cannot be used"


class ScopeNotHeld(Invalid):
    code, title = "scope_not_held", "The key's owner does not have that permission"


class Unauthenticated(DomainError):
    code, title = "unauthenticated", "Log in first"


class InvalidCredentials(Unauthenticated):
    code, title = "invalid_credentials", "E-mail or password is wrong"


class InvalidInvitation(Unauthenticated):
    code, title = "invalid_invitation", "The invitation is not valid"


class InvalidRefreshToken(Unauthenticated):
    code, title = "invalid_refresh_token", "The refresh token is not valid"


class SsoRefused(Unauthenticated):
    """One answer for every reason; the audit trail has the reason."""

    code, title = "sso_refused", "Single sign-on did not succeed"


class InvalidReset(Unauthenticated):
    code, title = "invalid_reset_token", "The link to set a new password is not valid"


class InvalidChallenge(Unauthenticated):
    code, title = "invalid_challenge", "The challenge is unknown, used or too old"


class InvalidCode(Unauthenticated):
    code, title = "invalid_code", "The second factor is not right"


class MfaRequired(Unauthenticated):
    """The password was right. ``challenge`` is good for POST /v1/auth/mfa, once."""

    code, title = "mfa_required", "A second factor is needed"


class MfaEnrolmentRequired(Unauthenticated):
    """The password was right. ``challenge`` is good for setting up a second factor, and nothing else."""

    code, title = "mfa_enrolment_required", "Your organisation requires a second factor; set one up"


class Forbidden(DomainError):
    code, title = "forbidden", "You may not do this"


class SsoRequired(Forbidden):
    code, title = "sso_required", "Log in through your organisation"


class ProofRefused(Forbidden):
    """Of somebody who is logged in: the password or the second factor they showed again."""

    code, title = "proof_refused", "Password or code is wrong"


class StepUpRequired(Forbidden):
    code, title = "step_up_required", "Show your password again"


class SessionNeeded(Forbidden):
    """An API key came where only a person who has logged in may."""

    code, title = "session_needed", "This takes a person who has logged in"


class NotFound(DomainError):
    code, title = "not_found", "Nothing is there"


class TenantNotFound(NotFound):
    code, title = "tenant_not_found", "No such tenant"


class FolderNotFound(NotFound):
    code, title = "folder_not_found", "No such folder"


class DocumentNotFound(NotFound):
    code, title = "document_not_found", "No such document"


class UserNotFound(NotFound):
    code, title = "user_not_found", "No such user"


class GroupNotFound(NotFound):
    code, title = "group_not_found", "No such group"


class GrantNotFound(NotFound):
    code, title = "grant_not_found", "No such grant"


class SessionNotFound(NotFound):
    code, title = "session_not_found", "No such session"


class SsoNotConnected(NotFound):
    code, title = "sso_not_connected", "The organisation has no single sign-on"


class FactorNotFound(NotFound):
    code, title = "factor_not_found", "No such second factor"


class InvalidTicket(Unauthenticated):
    code, title = "invalid_ticket", "The ticket opens nothing"


class ServiceAccountNotFound(NotFound):
    code, title = "service_account_not_found", "No such service account"


class ApiKeyNotFound(NotFound):
    code, title = "api_key_not_found", "No such API key"


class Misdirected(DomainError):
    """RFC 9110 §15.5.20: this origin does not answer for that authority. ``address`` is where to go."""

    code, title = "wrong_region", "The tenant lives in another region"

    def __init__(self, region: str, address: str) -> None:
        super().__init__(f"Send the request to {address}.", region=region, address=address)


class Conflict(DomainError):
    code, title = "conflict", "The state of things is against it"


class NameTaken(Conflict):
    code, title = "name_taken", "The folder already has something of that name"


class FolderNotEmpty(Conflict):
    code, title = "folder_not_empty", "The folder is not empty"


class RootFolder(Conflict):
    code, title = "root_folder", "The root folder stays as it is"


class NotReady(Conflict):
    code, title = "not_ready", "The document is not ready for this"


class UploadFinished(Conflict):
    code, title = "upload_finished", "The file has already arrived"


class SubdomainTaken(Conflict):
    code, title = "subdomain_taken", "The subdomain is taken"


class EmailTaken(Conflict):
    code, title = "email_taken", "Somebody with that e-mail address is already here"


class UserNameTaken(Conflict):
    code, title = "user_name_taken", "There is a user of that name"


class GroupNameTaken(Conflict):
    code, title = "group_name_taken", "There is a group of that name"


class TooManyGrants(Conflict):
    code, title = "too_many_grants", "More cannot be granted"


class TooManyGroups(Conflict):
    code, title = "too_many_groups", "There are too many groups"


class ChangedMeanwhile(Conflict):
    code, title = "changed_meanwhile", "Somebody else changed it at the same moment"


class AlreadyDone(Conflict):
    """The idempotency key is taken: the first request's result is the answer, or it is still under way."""

    code, title = "already_done", "The same request is under way"


class LastAdmin(Conflict):
    code, title = "last_admin", "Somebody must stay admin"


class MfaIsRequired(Conflict):
    code, title = "mfa_is_required", "The organisation requires a second factor"


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


class SsoUnavailable(Unavailable):
    code, title = "sso_unavailable", "Your organisation's sign-on does not answer"
