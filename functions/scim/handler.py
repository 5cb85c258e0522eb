"""SCIM 2.0 (RFC 7643, RFC 7644): a company's identity system keeps users and groups here."""

from collections.abc import Iterable, Iterator
from typing import Any

from docplatform.domain.errors import (
    ChangedMeanwhile,
    EmailTaken,
    GroupNameTaken,
    GroupNotFound,
    Invalid,
    InvalidName,
    LastAdmin,
    PreconditionFailed,
    QuotaExceeded,
    TooManyGroups,
    UserNameTaken,
    UserNotFound,
)
from docplatform.domain.groups import Group as OurGroup
from docplatform.domain.identity import Actor, Permission, Role
from docplatform.runtime.api import Api, Request
from docplatform.runtime.composition.directory import directory, users
from docplatform.runtime.composition.sharing import groups
from docplatform.runtime.routing import address_of
from docplatform.runtime.wire import Reply
from docplatform.domain.directory import Entry
from protocol import (
    DIALECT,
    ScimRefused,
    answer,
    configuration,
    page,
    resource_type,
    understood,
    version,
    version_wanted,
    window,
)
from resources import Group, ScimUser, facets_of, group_of, member_ids, user_of
from schemas import ScimMessage, ScimQuery, ScimSelection
from scim2_models import (
    Context,
    EnterpriseUser,
    PatchOp,
    ResourceType,
    ResponseParameters,
    Schema,
    SearchRequest,
    User,
)

api = Api(DIALECT, keys=True)
_NEEDS = Permission.MANAGE_USERS
_AT_ONCE = 50  # users that are read and matched together
_MODELS = (ScimUser, Group)
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
_GROUP_CHANGES = (Invalid, InvalidName, GroupNameTaken, UserNotFound, TooManyGroups, QuotaExceeded, ScimRefused)


# -- what there is
@api.get("/scim/v2/ServiceProviderConfig", answers=ScimMessage, needs=_NEEDS)
@understood
def scim_configuration(actor: Actor) -> ScimMessage:
    """What of SCIM is supported."""
    found = configuration(address_of(actor.tenant))
    return ScimMessage(answer(found, Context.RESOURCE_QUERY_RESPONSE))


@api.get("/scim/v2/ResourceTypes", answers=ScimMessage, needs=_NEEDS, errors=(ScimRefused,))
@understood
def scim_resource_types(actor: Actor, query: ScimQuery) -> ScimMessage:
    """Users and groups."""
    _no_filter(query)
    described = [resource_type(model, address_of(actor.tenant)) for model in _MODELS]
    return ScimMessage(page(ResourceType, described, len(described), 1, None))


@api.get("/scim/v2/ResourceTypes/{name}", answers=ScimMessage, needs=_NEEDS, errors=(ScimRefused,))
@understood
def scim_resource_type(actor: Actor, name: str) -> ScimMessage:
    """One of them."""
    for model in _MODELS:
        described = resource_type(model, address_of(actor.tenant))
        if described.id == name:
            return ScimMessage(answer(described, Context.RESOURCE_QUERY_RESPONSE))
    raise ScimRefused("There is no such resource type.", status=404)


def _schemas(actor: Actor) -> list[Schema]:
    found = []
    for model in (User, EnterpriseUser, Group):
        schema = model.to_schema()
        location = f"{address_of(actor.tenant)}/scim/v2/Schemas/{schema.id}"
        schema.meta = {"resourceType": "Schema", "location": location}
        found.append(schema)
    return found


@api.get("/scim/v2/Schemas", answers=ScimMessage, needs=_NEEDS, errors=(ScimRefused,))
@understood
def scim_schemas(actor: Actor, query: ScimQuery) -> ScimMessage:
    """The attributes of users and groups."""
    _no_filter(query)
    found = _schemas(actor)
    return ScimMessage(page(Schema, found, len(found), 1, None))


@api.get("/scim/v2/Schemas/{urn}", answers=ScimMessage, needs=_NEEDS, errors=(ScimRefused,))
@understood
def scim_schema(actor: Actor, urn: str) -> ScimMessage:
    """One schema."""
    for schema in _schemas(actor):
        if str(schema.id) == urn:
            return ScimMessage(answer(schema, Context.RESOURCE_QUERY_RESPONSE))
    raise ScimRefused("There is no such schema.", status=404)


def _no_filter(query: ScimQuery) -> None:
    if query.filter:
        raise ScimRefused("This list takes no filter.", status=403)  # RFC 7644 §4


@api.post("/scim/v2/.search", answers=ScimMessage, needs=_NEEDS, errors=(ScimRefused,))
@understood
def scim_search(actor: Actor, body: ScimMessage) -> ScimMessage:
    """Users and groups in one list: users first."""
    wanted = SearchRequest[ScimUser | Group].model_validate(body.root, scim_ctx=Context.SEARCH_REQUEST)
    start, count = window(wanted)
    base, kept = address_of(actor.tenant), directory(actor)
    found: list[User[Any] | Group] = [
        each
        for each in _everybody(actor, list(kept.user_ids()), base)
        if not wanted.filter or wanted.filter.match(each)
    ]
    for group in kept.groups_of(list(kept.group_ids())).values():
        told = group_of(group, kept.members(group.id), base)
        if not wanted.filter or wanted.filter.match(told):
            found.append(told)
    shown = found[start - 1 : start - 1 + count]
    users(actor).listed(len(shown))
    return ScimMessage(page(ScimUser | Group, shown, len(found), start, wanted))


# -- users
@api.get("/scim/v2/Users", answers=ScimMessage, needs=_NEEDS, errors=(ScimRefused,))
@understood
def scim_list_users(actor: Actor, query: ScimQuery) -> ScimMessage:
    """Users, filtered and in pages."""
    wanted = SearchRequest[ScimUser].model_validate(query.model_dump(by_alias=True, exclude_none=True))
    return ScimMessage(_users(actor, wanted))


@api.post("/scim/v2/Users/.search", answers=ScimMessage, needs=_NEEDS, errors=(ScimRefused,))
@understood
def scim_search_users(actor: Actor, body: ScimMessage) -> ScimMessage:
    """The same, with the filter in the body, out of addresses and their logs."""
    wanted = SearchRequest[ScimUser].model_validate(body.root, scim_ctx=Context.SEARCH_REQUEST)
    return ScimMessage(_users(actor, wanted))


def _users(actor: Actor, wanted: SearchRequest[Any]) -> dict[str, Any]:
    service, kept, base = users(actor), directory(actor), address_of(actor.tenant)
    start, count = window(wanted)
    if wanted.filter is None:
        ids = list(kept.user_ids())
        entries = kept.entries(ids[start - 1 : start - 1 + count])
        total, shown = len(ids), _told(actor, entries.values(), base)
    else:
        matching = [each for each in _candidates(actor, wanted, base) if wanted.filter.match(each)]
        total, shown = len(matching), matching[start - 1 : start - 1 + count]
    service.listed(len(shown))
    return page(ScimUser, shown, total, start, wanted)


def _candidates(actor: Actor, wanted: SearchRequest[Any], base: str) -> Iterator[User[Any]]:
    """All who may match: the one of that name, where the filter is about a name and nothing else."""
    kept, named = directory(actor), _name_asked(str(wanted.filter))
    if named is not None:
        ids = [each for each in [kept.named(named)] if each]
        yield from _told(actor, kept.entries(ids).values(), base)
        return
    yield from _everybody(actor, list(kept.user_ids()), base)


def _everybody(actor: Actor, ids: list[str], base: str) -> Iterator[User[Any]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield from _told(actor, directory(actor).entries(ids[start : start + _AT_ONCE]).values(), base)


def _name_asked(text: str) -> str | None:
    attribute, _, rest = text.strip().partition(" ")
    operator, _, value = rest.strip().partition(" ")
    value = value.strip()
    plain = len(value) > 2 and value[0] == value[-1] == '"' and '"' not in value[1:-1] and "\\" not in value
    return value[1:-1] if attribute.lower() == "username" and operator.lower() == "eq" and plain else None


def _told(actor: Actor, entries: Iterable[Entry], base: str) -> list[User[Any]]:
    shown = list(entries)
    known = directory(actor).groups_of({group for entry in shown for group in entry.groups})
    return [user_of(entry, base, known) for entry in shown]


@api.post("/scim/v2/Users", answers=ScimMessage, status=201, needs=_NEEDS, errors=_CHANGES)
@understood
def scim_create_user(actor: Actor, body: ScimMessage) -> Reply:
    """Make a user, who is a viewer unless `roles` says editor or admin. No mail is sent: they log in by single sign-on."""
    told = ScimUser.model_validate(body.root, scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    told.active = told.active is not False
    entry = users(actor).create(facets_of(told, Role.VIEWER))
    return _user_reply(actor, entry, Context.RESOURCE_CREATION_RESPONSE)


@api.get("/scim/v2/Users/{user_id}", answers=ScimMessage, needs=_NEEDS, errors=(UserNotFound, ScimRefused))
@understood
def scim_read_user(actor: Actor, user_id: str, query: ScimSelection) -> Reply:
    """A user."""
    selection = ResponseParameters[ScimUser].model_validate(query.model_dump(by_alias=True, exclude_none=True))
    return _user_reply(actor, users(actor).read(user_id), Context.RESOURCE_QUERY_RESPONSE, selection)


@api.put(
    "/scim/v2/Users/{user_id}",
    answers=ScimMessage,
    needs=_NEEDS,
    errors=(UserNotFound, *_CHANGES),
    headers=("If-Match",),
)
@understood
def scim_replace_user(actor: Actor, user_id: str, body: ScimMessage, request: Request) -> Reply:
    """Say anew what a user is."""
    told = ScimUser.model_validate(body.root, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
    before = _current(actor, user_id, request)
    (original,) = _told(actor, [before], address_of(actor.tenant))
    told.replace(original)
    entry = users(actor).change(before, facets_of(told, before.user.role))
    return _user_reply(actor, entry, Context.RESOURCE_REPLACEMENT_RESPONSE)


@api.patch(
    "/scim/v2/Users/{user_id}",
    answers=ScimMessage,
    needs=_NEEDS,
    errors=(UserNotFound, *_CHANGES),
    headers=("If-Match",),
)
@understood
def scim_patch_user(actor: Actor, user_id: str, body: ScimMessage, request: Request) -> Reply:
    """Change some of what a user is."""
    patch = PatchOp[ScimUser].model_validate(body.root, scim_ctx=Context.RESOURCE_PATCH_REQUEST)
    entry = _current(actor, user_id, request)
    (told,) = _told(actor, [entry], address_of(actor.tenant))
    if patch.patch(told):
        entry = users(actor).change(entry, facets_of(told, entry.user.role))
    return _user_reply(actor, entry, Context.RESOURCE_PATCH_RESPONSE)


@api.delete(
    "/scim/v2/Users/{user_id}",
    status=204,
    needs=_NEEDS,
    errors=(UserNotFound, LastAdmin, PreconditionFailed, ChangedMeanwhile),
    headers=("If-Match",),
)
@understood
def scim_delete_user(actor: Actor, user_id: str, request: Request) -> None:
    """Take a user away: sessions, memberships and grants end at once; what they made stays with the organisation."""
    users(actor).remove(user_id, if_revision=version_wanted(request))


def _current(actor: Actor, user_id: str, request: Request) -> Entry:
    entry, wanted = users(actor).read(user_id), version_wanted(request)
    if wanted not in (None, entry.revision):
        raise PreconditionFailed("Read the user again and repeat what you wanted.")
    return entry


def _user_reply(actor: Actor, entry: Entry, context: Context, selection: Any = None) -> Reply:
    (told,) = _told(actor, [entry], address_of(actor.tenant))
    headers = {"ETag": version(entry.revision), "Location": str(told.meta.location)}
    return Reply(ScimMessage(answer(told, context, selection)), headers)


# -- groups
@api.get("/scim/v2/Groups", answers=ScimMessage, needs=_NEEDS, errors=(ScimRefused,))
@understood
def scim_list_groups(actor: Actor, query: ScimQuery) -> ScimMessage:
    """Groups, filtered and in pages."""
    wanted = SearchRequest[Group].model_validate(query.model_dump(by_alias=True, exclude_none=True))
    return ScimMessage(_groups(actor, wanted))


@api.post("/scim/v2/Groups/.search", answers=ScimMessage, needs=_NEEDS, errors=(ScimRefused,))
@understood
def scim_search_groups(actor: Actor, body: ScimMessage) -> ScimMessage:
    """The same, with the filter in the body."""
    wanted = SearchRequest[Group].model_validate(body.root, scim_ctx=Context.SEARCH_REQUEST)
    return ScimMessage(_groups(actor, wanted))


def _groups(actor: Actor, wanted: SearchRequest[Any]) -> dict[str, Any]:
    kept, base = directory(actor), address_of(actor.tenant)
    start, count = window(wanted)
    ids = list(kept.group_ids())
    about_members = "members" in str(wanted.filter or "").lower()
    if wanted.filter is not None:
        known = kept.groups_of(ids).values()
        told = ((each, group_of(each, kept.members(each.id) if about_members else (), base)) for each in known)
        chosen = [each for each, shown in told if wanted.filter.match(shown)]
        total, chosen = len(chosen), chosen[start - 1 : start - 1 + count]
    else:
        total = len(ids)
        chosen = list(kept.groups_of(ids[start - 1 : start - 1 + count]).values())
    unwanted = {str(path).lower() for path in wanted.excluded_attributes or []}
    shown = [group_of(each, () if "members" in unwanted else kept.members(each.id), base) for each in chosen]
    groups(actor).listed(len(shown))
    return page(Group, shown, total, start, wanted)


@api.post("/scim/v2/Groups", answers=ScimMessage, status=201, needs=_NEEDS, errors=_GROUP_CHANGES)
@understood
def scim_create_group(actor: Actor, body: ScimMessage) -> Reply:
    """Make a group."""
    told = Group.model_validate(body.root, scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    service, wanted = groups(actor), member_ids(told)
    service.check_users(wanted)
    group = service.create(told.display_name or "", external_id=told.external_id or "")
    if wanted:
        group = service.set_members(group, wanted, directory(actor))
    return _group_reply(actor, group, Context.RESOURCE_CREATION_RESPONSE)


@api.get("/scim/v2/Groups/{group_id}", answers=ScimMessage, needs=_NEEDS, errors=(GroupNotFound, ScimRefused))
@understood
def scim_read_group(actor: Actor, group_id: str, query: ScimSelection) -> Reply:
    """A group with its members."""
    selection = ResponseParameters[Group].model_validate(query.model_dump(by_alias=True, exclude_none=True))
    return _group_reply(actor, groups(actor).read(group_id), Context.RESOURCE_QUERY_RESPONSE, selection)


@api.put(
    "/scim/v2/Groups/{group_id}",
    answers=ScimMessage,
    needs=_NEEDS,
    errors=(GroupNotFound, PreconditionFailed, ChangedMeanwhile, *_GROUP_CHANGES),
    headers=("If-Match",),
)
@understood
def scim_replace_group(actor: Actor, group_id: str, body: ScimMessage, request: Request) -> Reply:
    """Say anew what a group is and who is in it."""
    told = Group.model_validate(body.root, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
    before = groups(actor).read(group_id)
    members = directory(actor).members(group_id)
    told.replace(group_of(before, members, address_of(actor.tenant)))
    group = _change_group(actor, before, set(members), told, request)
    return _group_reply(actor, group, Context.RESOURCE_REPLACEMENT_RESPONSE)


@api.patch(
    "/scim/v2/Groups/{group_id}",
    answers=ScimMessage,
    needs=_NEEDS,
    errors=(GroupNotFound, PreconditionFailed, ChangedMeanwhile, *_GROUP_CHANGES),
    headers=("If-Match",),
)
@understood
def scim_patch_group(actor: Actor, group_id: str, body: ScimMessage, request: Request) -> Reply:
    """Rename a group, or change who is in it."""
    patch = PatchOp[Group].model_validate(body.root, scim_ctx=Context.RESOURCE_PATCH_REQUEST)
    group, members = groups(actor).read(group_id), directory(actor).members(group_id)
    told = group_of(group, members, address_of(actor.tenant))
    patch.patch(told)
    group = _change_group(actor, group, set(members), told, request)
    return _group_reply(actor, group, Context.RESOURCE_PATCH_RESPONSE)


def _change_group(actor: Actor, before: OurGroup, members: set[str], told: Group, request: Request) -> OurGroup:
    wanted_version, service, wanted = version_wanted(request), groups(actor), member_ids(told)
    if wanted_version not in (None, before.revision):
        raise PreconditionFailed("Read the group again and repeat what you wanted.")
    service.check_users(wanted - members)
    group, name, external_id = before, told.display_name or "", told.external_id or ""
    if (name, external_id) != (before.name, before.external_id):
        group = service.change(before, name, external_id)
    if wanted != members:
        group = service.set_members(group, wanted, directory(actor))
    return group


@api.delete(
    "/scim/v2/Groups/{group_id}",
    status=204,
    needs=_NEEDS,
    errors=(GroupNotFound, PreconditionFailed, ChangedMeanwhile),
    headers=("If-Match",),
)
@understood
def scim_delete_group(actor: Actor, group_id: str, request: Request) -> None:
    """Delete a group, with everything that was granted to it."""
    service, wanted = groups(actor), version_wanted(request)
    if wanted not in (None, service.read(group_id).revision):
        raise PreconditionFailed("Read the group again and repeat what you wanted.")
    service.delete(group_id)


def _group_reply(actor: Actor, group: OurGroup, context: Context, selection: Any = None) -> Reply:
    told = group_of(group, directory(actor).members(group.id), address_of(actor.tenant))
    headers = {"ETag": version(group.revision), "Location": str(told.meta.location)}
    return Reply(ScimMessage(answer(told, context, selection)), headers)


handler = api.handler
