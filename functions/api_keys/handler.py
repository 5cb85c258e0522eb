"""HTTP routes for API keys and service accounts: parse, delegate, present."""

from docplatform.api_keys.administration import ApiKeyService
from docplatform.api_keys.service_accounts import ServiceAccounts
from docplatform.api_keys.wiring import api_keys, service_accounts
from docplatform.authentication.wiring.recent_login import require_recent_login
from docplatform.core.actor import Actor, Permission
from docplatform.core.audit import Action
from docplatform.core.time import now
from docplatform.http.consequence import Consequence
from docplatform.http.request import Request
from docplatform.http.router import Router
from docplatform.http.schemas import Listing, Page, Response
from docplatform.identity.wiring.authority import authority_of

from .schemas import (
    ApiKeyView,
    KeyListing,
    MadeApiKey,
    NewApiKey,
    NewServiceAccount,
    ServiceAccountView,
)

api = Router(authorities=authority_of)


@api.post(
    "/v1/api-keys",
    response=MadeApiKey,
    status=201,
    permission=Permission.READ,
    use_case=ApiKeyService.create,
    headers=("Idempotency-Key",),
    consequence=Consequence.CRITICAL,
    step_up=require_recent_login,
)
def create_api_key(actor: Actor, body: NewApiKey, request: Request) -> Response:
    """Make an API key, for oneself or (admins) for a service account. It is shown once."""
    made, text = api_keys(actor).create(
        body.name,
        frozenset(body.scopes),
        body.expires_at,
        owner_id=body.owner_id,
        idempotency_key=request.idempotency_key,
    )
    return Response(MadeApiKey(api_key=ApiKeyView.of(made, now()), key=text or None))


@api.get("/v1/api-keys", response=Page[ApiKeyView], permission=Permission.READ, use_case=ApiKeyService.list)
def list_api_keys(actor: Actor, query: KeyListing) -> Page[ApiKeyView]:
    """My API keys, the newest first; admins see those of anybody. Ended keys stay listed for a month after their expiry."""
    found, following = api_keys(actor).list(owner_id=query.owner_id, limit=query.limit, cursor=query.cursor)
    at = now()
    return Page[ApiKeyView].of((ApiKeyView.of(key, at) for key in found), following)


@api.delete(
    "/v1/api-keys/{key_id}",
    status=204,
    permission=Permission.READ,
    use_case=ApiKeyService.revoke,
    consequence=Consequence.LASTING,
)
def revoke_api_key(actor: Actor, key_id: str) -> None:
    """Revoke a key of mine; admins revoke anybody's. It stops working within a minute."""
    api_keys(actor).revoke(key_id)


@api.post(
    "/v1/service-accounts",
    response=ServiceAccountView,
    status=201,
    permission=Permission.MANAGE_USERS,
    use_case=ServiceAccounts.create,
    headers=("Idempotency-Key",),
    consequence=Consequence.CRITICAL,
    step_up=require_recent_login,
)
def create_service_account(actor: Actor, body: NewServiceAccount, request: Request) -> Response:
    """Make an account for a program: a role, no mail, no password, no seat of the plan."""
    account = service_accounts(actor).create(body.name, body.role, idempotency_key=request.idempotency_key)
    return Response(ServiceAccountView.model_validate(account), {"Location": f"/v1/service-accounts/{account.id}"})


@api.get(
    "/v1/service-accounts",
    response=Page[ServiceAccountView],
    permission=Permission.MANAGE_USERS,
    use_case=ServiceAccounts.list,
)
def list_service_accounts(actor: Actor, query: Listing) -> Page[ServiceAccountView]:
    """The organisation's service accounts, in order of creation."""
    found, following = service_accounts(actor).list(limit=query.limit, cursor=query.cursor)
    return Page[ServiceAccountView].of(found, following)


@api.get(
    "/v1/service-accounts/{account_id}",
    response=ServiceAccountView,
    permission=Permission.MANAGE_USERS,
    use_case=ServiceAccounts.read,
    audit_action=Action.SERVICE_ACCOUNT_READ,
)
def read_service_account(actor: Actor, account_id: str) -> ServiceAccountView:
    """A service account."""
    return ServiceAccountView.model_validate(service_accounts(actor).read(account_id))


@api.delete(
    "/v1/service-accounts/{account_id}",
    status=204,
    permission=Permission.MANAGE_USERS,
    use_case=ServiceAccounts.retire,
    consequence=Consequence.LASTING,
)
def retire_service_account(actor: Actor, account_id: str) -> None:
    """Retire a service account. Its keys stop working within a minute; what it made stays."""
    service_accounts(actor).retire(account_id)


handler = api.handler
