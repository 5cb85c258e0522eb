"""HTTP routes for SCIM users."""

from collections.abc import Iterable, Iterator
from typing import Any

from scim2_models import (
    Context,
    PatchOp,
    ResponseParameters,
    SearchRequest,
    User,
)

from docplatform.core.actor import Actor, Permission, Role
from docplatform.core.errors import ChangedMeanwhile, Invalid, InvalidName, PreconditionFailed, QuotaExceeded
from docplatform.directory.entry import DirectoryEntry
from docplatform.directory.errors import UserNameTaken
from docplatform.directory.wiring.provisioning import directory, users
from docplatform.http.request import Request
from docplatform.http.router import Router
from docplatform.http.schemas import Response
from docplatform.identity.errors import EmailTaken, LastAdmin, UserNotFound
from docplatform.runtime.tenant_resolution import address_of

from .protocol import (
    DIALECT,
    ScimRefused,
    dump,
    page,
    page_bounds,
    required_revision,
    translate_errors,
    version,
)
from .resources import ScimUser, facets_of, location, user_of
from .schemas import ScimMessage, ScimQuery, ScimSelection

api = Router(DIALECT, api_keys_allowed=True)
_NEEDS = Permission.MANAGE_USERS
_BATCH = 50  # users that are read and matched together
_CHANGES = (
    Invalid,
    InvalidName,
    EmailTaken,
    UserNameTaken,
    LastAdmin,
    QuotaExceeded,
    PreconditionFailed,
    ScimRefused,
)


@api.get("/scim/v2/Users", response=ScimMessage, permission=_NEEDS, errors=(ScimRefused,))
@translate_errors
def scim_list_users(actor: Actor, query: ScimQuery) -> ScimMessage:
    """Users, filtered and in pages."""
    wanted = SearchRequest[ScimUser].model_validate(query.model_dump(by_alias=True, exclude_none=True))
    return ScimMessage(_users(actor, wanted))


@api.post("/scim/v2/Users/.search", response=ScimMessage, permission=_NEEDS, errors=(ScimRefused,))
@translate_errors
def scim_search_users(actor: Actor, body: ScimMessage) -> ScimMessage:
    """The same, with the filter in the body, out of addresses and their logs."""
    wanted = SearchRequest[ScimUser].model_validate(body.root, scim_ctx=Context.SEARCH_REQUEST)
    return ScimMessage(_users(actor, wanted))


def _users(actor: Actor, wanted: SearchRequest[Any]) -> dict[str, Any]:
    service, kept, base = users(actor), directory(actor), address_of(actor.tenant)
    start, count = page_bounds(wanted)
    if wanted.filter is None:
        ids = list(kept.user_ids())
        entries = kept.entries(ids[start - 1 : start - 1 + count])
        total, shown = len(ids), _resources(actor, entries.values(), base)
    else:
        matching = [each for each in _candidates(actor, wanted, base) if wanted.filter.match(each)]
        total, shown = len(matching), matching[start - 1 : start - 1 + count]
    service.listed(len(shown))
    return page(ScimUser, shown, total, start, wanted)


def _candidates(actor: Actor, wanted: SearchRequest[Any], base: str) -> Iterator[User[Any]]:
    """The users that the filter may match. If it asks for one user name and nothing else, only that user is read."""
    kept, named = directory(actor), _user_name_in(str(wanted.filter))
    if named is not None:
        ids = [each for each in [kept.named(named)] if each]
        yield from _resources(actor, kept.entries(ids).values(), base)
        return
    yield from all_users(actor, list(kept.user_ids()), base)


def all_users(actor: Actor, ids: list[str], base: str) -> Iterator[User[Any]]:
    """All these users as SCIM resources, read in batches."""
    for start in range(0, len(ids), _BATCH):
        yield from _resources(actor, directory(actor).entries(ids[start : start + _BATCH]).values(), base)


def _user_name_in(text: str) -> str | None:
    """The user name of a filter of the form ``userName eq "…"``; None for any other filter."""
    attribute, _, rest = text.strip().partition(" ")
    operator, _, value = rest.strip().partition(" ")
    value = value.strip()
    plain = len(value) > 2 and value[0] == value[-1] == '"' and '"' not in value[1:-1] and "\\" not in value
    return value[1:-1] if attribute.lower() == "username" and operator.lower() == "eq" and plain else None


def _resources(actor: Actor, entries: Iterable[DirectoryEntry], base: str) -> list[User[Any]]:
    shown = list(entries)
    known = directory(actor).groups_of({group for entry in shown for group in entry.groups})
    return [user_of(entry, base, known) for entry in shown]


@api.post("/scim/v2/Users", response=ScimMessage, status=201, permission=_NEEDS, errors=_CHANGES)
@translate_errors
def scim_create_user(actor: Actor, body: ScimMessage) -> Response:
    """Make a user, who is a viewer unless `roles` says editor or admin. No mail is sent: they log in by single sign-on."""
    resource = ScimUser.model_validate(body.root, scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    resource.active = resource.active is not False
    entry = users(actor).create(facets_of(resource, Role.VIEWER))
    return _user_reply(actor, entry, Context.RESOURCE_CREATION_RESPONSE)


@api.get("/scim/v2/Users/{user_id}", response=ScimMessage, permission=_NEEDS, errors=(UserNotFound, ScimRefused))
@translate_errors
def scim_read_user(actor: Actor, user_id: str, query: ScimSelection) -> Response:
    """A user."""
    selection = ResponseParameters[ScimUser].model_validate(query.model_dump(by_alias=True, exclude_none=True))
    return _user_reply(actor, users(actor).read(user_id), Context.RESOURCE_QUERY_RESPONSE, selection)


@api.put(
    "/scim/v2/Users/{user_id}",
    response=ScimMessage,
    permission=_NEEDS,
    errors=(UserNotFound, *_CHANGES),
    headers=("If-Match",),
)
@translate_errors
def scim_replace_user(actor: Actor, user_id: str, body: ScimMessage, request: Request) -> Response:
    """Say anew what a user is."""
    resource = ScimUser.model_validate(body.root, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
    before = _current(actor, user_id, request)
    (original,) = _resources(actor, [before], address_of(actor.tenant))
    resource.replace(original)
    entry = users(actor).change(before, facets_of(resource, before.user.role))
    return _user_reply(actor, entry, Context.RESOURCE_REPLACEMENT_RESPONSE)


@api.patch(
    "/scim/v2/Users/{user_id}",
    response=ScimMessage,
    permission=_NEEDS,
    errors=(UserNotFound, *_CHANGES),
    headers=("If-Match",),
)
@translate_errors
def scim_patch_user(actor: Actor, user_id: str, body: ScimMessage, request: Request) -> Response:
    """Change some of what a user is."""
    patch = PatchOp[ScimUser].model_validate(body.root, scim_ctx=Context.RESOURCE_PATCH_REQUEST)
    entry = _current(actor, user_id, request)
    (resource,) = _resources(actor, [entry], address_of(actor.tenant))
    if patch.patch(resource):
        entry = users(actor).change(entry, facets_of(resource, entry.user.role))
    return _user_reply(actor, entry, Context.RESOURCE_PATCH_RESPONSE)


@api.delete(
    "/scim/v2/Users/{user_id}",
    status=204,
    permission=_NEEDS,
    errors=(UserNotFound, LastAdmin, PreconditionFailed, ChangedMeanwhile),
    headers=("If-Match",),
)
@translate_errors
def scim_delete_user(actor: Actor, user_id: str, request: Request) -> None:
    """Take a user away: sessions, memberships and grants end at once; what they made stays with the organisation."""
    users(actor).remove(user_id, if_revision=required_revision(request))


def _current(actor: Actor, user_id: str, request: Request) -> DirectoryEntry:
    entry, wanted = users(actor).read(user_id), required_revision(request)
    if wanted not in (None, entry.revision):
        raise PreconditionFailed("Read the user again and repeat what you wanted.")
    return entry


def _user_reply(actor: Actor, entry: DirectoryEntry, context: Context, selection: Any = None) -> Response:
    (resource,) = _resources(actor, [entry], address_of(actor.tenant))
    headers = {"ETag": version(entry.revision), "Location": location(resource)}
    return Response(ScimMessage(dump(resource, context, selection)), headers)
