"""HTTP routes for SCIM users."""

from functools import partial
from typing import Any

from scim2_models import (
    Context,
    PatchOp,
    ResponseParameters,
    SearchRequest,
)

from docplatform.authentication.wiring.recent_login import require_recent_login_of_session
from docplatform.core.actor import Actor, Permission
from docplatform.core.audit import Action
from docplatform.core.errors import Invalid, InvalidName, PreconditionFailed, QuotaExceeded
from docplatform.directory.entry import UserAttributes, UserWithGroups
from docplatform.directory.listing import DirectoryListing
from docplatform.directory.provisioning import DirectoryService
from docplatform.directory.wiring.provisioning import listing, users
from docplatform.http.consequence import Consequence
from docplatform.http.request import Request
from docplatform.http.router import Router
from docplatform.http.schemas import Response
from docplatform.identity.errors import LastAdmin
from docplatform.runtime.tenant_resolution import address_of

from .dialect import patch_of_dialect, user_of_dialect
from .protocol import (
    DIALECT,
    ScimRefused,
    dump,
    matcher,
    page,
    page_bounds,
    required_revision,
    translate_errors,
    version,
)
from .resources import ScimUser, attributes_of, location, user_of
from .schemas import ScimMessage, ScimQuery, ScimSelection

api = Router(DIALECT, api_keys_allowed=True)
_NEEDS = Permission.MANAGE_USERS

# The OpenAPI document names these errors, but no use case raises them. They stay, because generated clients use them.
_PUBLISHED_AT_CREATION = (LastAdmin, PreconditionFailed)
_PUBLISHED_AT_CHANGES = (QuotaExceeded,)


@api.get(
    "/scim/v2/Users",
    response=ScimMessage,
    permission=_NEEDS,
    use_case=DirectoryListing.users,
    errors=(ScimRefused,),
)
@translate_errors
def scim_list_users(actor: Actor, query: ScimQuery) -> ScimMessage:
    """Users, filtered and in pages."""
    wanted = SearchRequest[ScimUser].model_validate(query.model_dump(by_alias=True, exclude_none=True))
    return _list(actor, wanted)


@api.post(
    "/scim/v2/Users/.search",
    response=ScimMessage,
    permission=_NEEDS,
    use_case=DirectoryListing.users,
    errors=(ScimRefused,),
    consequence=Consequence.NONE,
)
@translate_errors
def scim_search_users(actor: Actor, body: ScimMessage) -> ScimMessage:
    """The same, with the filter in the body, out of addresses and their logs."""
    wanted = SearchRequest[ScimUser].model_validate(body.root, scim_ctx=Context.SEARCH_REQUEST)
    return _list(actor, wanted)


def _list(actor: Actor, wanted: SearchRequest[Any]) -> ScimMessage:
    start, count = page_bounds(wanted)
    present = partial(user_of, base=address_of(actor.tenant))
    named = _user_name_in(str(wanted.filter))
    found = listing(actor).users(start, count, matcher(wanted, present), user_name=named)
    return ScimMessage(page(ScimUser, map(present, found.items), found.total, start, wanted))


def _user_name_in(text: str) -> str | None:
    """The user name of a filter of the form ``userName eq "…"``; None for any other filter."""
    attribute, _, rest = text.strip().partition(" ")
    operator, _, value = rest.strip().partition(" ")
    value = value.strip()
    plain = len(value) > 2 and value[0] == value[-1] == '"' and '"' not in value[1:-1] and "\\" not in value
    return value[1:-1] if attribute.lower() == "username" and operator.lower() == "eq" and plain else None


@api.post(
    "/scim/v2/Users",
    response=ScimMessage,
    status=201,
    permission=_NEEDS,
    use_case=DirectoryService.create,
    errors=(Invalid, InvalidName, ScimRefused, *_PUBLISHED_AT_CREATION),
    step_up=require_recent_login_of_session,
    consequence=Consequence.CRITICAL,
)
@translate_errors
def scim_create_user(actor: Actor, body: ScimMessage) -> Response:
    """Make a user, who is a viewer unless `roles` says editor or admin. No mail is sent: they log in by single sign-on."""
    resource = ScimUser.model_validate(user_of_dialect(body.root), scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    resource.active = resource.active is not False
    user = users(actor).create(attributes_of(resource, None))
    return _user_reply(actor, user, Context.RESOURCE_CREATION_RESPONSE)


@api.get(
    "/scim/v2/Users/{user_id}",
    response=ScimMessage,
    permission=_NEEDS,
    use_case=DirectoryService.read,
    errors=(ScimRefused,),
    audit_action=Action.USER_READ,
)
@translate_errors
def scim_read_user(actor: Actor, user_id: str, query: ScimSelection) -> Response:
    """A user."""
    selection = ResponseParameters[ScimUser].model_validate(query.model_dump(by_alias=True, exclude_none=True))
    return _user_reply(actor, users(actor).read(user_id), Context.RESOURCE_QUERY_RESPONSE, selection)


@api.put(
    "/scim/v2/Users/{user_id}",
    response=ScimMessage,
    permission=_NEEDS,
    use_case=DirectoryService.change,
    errors=(ScimRefused, *_PUBLISHED_AT_CHANGES),
    headers=("If-Match",),
    step_up=require_recent_login_of_session,
    consequence=Consequence.CRITICAL,
)
@translate_errors
def scim_replace_user(actor: Actor, user_id: str, body: ScimMessage, request: Request) -> Response:
    """Say anew what a user is."""
    resource = ScimUser.model_validate(user_of_dialect(body.root), scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)

    def revise(user: UserWithGroups) -> UserAttributes:
        resource.replace(user_of(user, address_of(actor.tenant)))
        return attributes_of(resource, user)

    user = users(actor).change(user_id, revise, if_revision=required_revision(request))
    return _user_reply(actor, user, Context.RESOURCE_REPLACEMENT_RESPONSE)


@api.patch(
    "/scim/v2/Users/{user_id}",
    response=ScimMessage,
    permission=_NEEDS,
    use_case=DirectoryService.change,
    errors=(ScimRefused, *_PUBLISHED_AT_CHANGES),
    headers=("If-Match",),
    step_up=require_recent_login_of_session,
    consequence=Consequence.CRITICAL,
)
@translate_errors
def scim_patch_user(actor: Actor, user_id: str, body: ScimMessage, request: Request) -> Response:
    """Change some of what a user is."""
    patch = PatchOp[ScimUser].model_validate(patch_of_dialect(body.root), scim_ctx=Context.RESOURCE_PATCH_REQUEST)

    def revise(user: UserWithGroups) -> UserAttributes | None:
        resource = user_of(user, address_of(actor.tenant))
        return attributes_of(resource, user) if patch.patch(resource) else None

    user = users(actor).change(user_id, revise, if_revision=required_revision(request))
    return _user_reply(actor, user, Context.RESOURCE_PATCH_RESPONSE)


@api.delete(
    "/scim/v2/Users/{user_id}",
    status=204,
    permission=_NEEDS,
    use_case=DirectoryService.deprovision,
    headers=("If-Match",),
    step_up=require_recent_login_of_session,
    consequence=Consequence.CRITICAL,
)
@translate_errors
def scim_delete_user(actor: Actor, user_id: str, request: Request) -> None:
    """Take a user away: sessions, memberships and grants end at once; what they made stays with the organisation."""
    users(actor).deprovision(user_id, if_revision=required_revision(request))


def _user_reply(actor: Actor, user: UserWithGroups, context: Context, selection: Any = None) -> Response:
    resource = user_of(user, address_of(actor.tenant))
    headers = {"ETag": version(user.entry.version), "Location": location(resource)}
    return Response(ScimMessage(dump(resource, context, selection)), headers)
