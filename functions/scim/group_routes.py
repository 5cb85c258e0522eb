"""HTTP routes for SCIM groups."""

from typing import Any

from scim2_models import (
    Context,
    PatchOp,
    ResponseParameters,
    SearchRequest,
)

from docplatform.core.actor import Actor, Permission
from docplatform.core.errors import (
    ChangedMeanwhile,
    GroupNotFound,
    Invalid,
    InvalidName,
    PreconditionFailed,
    QuotaExceeded,
)
from docplatform.directory.errors import GroupNameTaken, TooManyGroups
from docplatform.directory.group import Group as DirectoryGroup
from docplatform.directory.wiring.groups import groups
from docplatform.directory.wiring.provisioning import directory
from docplatform.http.request import Request
from docplatform.http.router import Router
from docplatform.http.schemas import Response
from docplatform.identity.errors import UserNotFound
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
from .resources import Group, group_of, location, member_ids
from .schemas import ScimMessage, ScimQuery, ScimSelection

api = Router(DIALECT, api_keys_allowed=True)
_NEEDS = Permission.MANAGE_USERS
_GROUP_CHANGES = (Invalid, InvalidName, GroupNameTaken, UserNotFound, TooManyGroups, QuotaExceeded, ScimRefused)


@api.get("/scim/v2/Groups", response=ScimMessage, permission=_NEEDS, errors=(ScimRefused,))
@translate_errors
def scim_list_groups(actor: Actor, query: ScimQuery) -> ScimMessage:
    """Groups, filtered and in pages."""
    wanted = SearchRequest[Group].model_validate(query.model_dump(by_alias=True, exclude_none=True))
    return ScimMessage(_groups(actor, wanted))


@api.post("/scim/v2/Groups/.search", response=ScimMessage, permission=_NEEDS, errors=(ScimRefused,))
@translate_errors
def scim_search_groups(actor: Actor, body: ScimMessage) -> ScimMessage:
    """The same, with the filter in the body."""
    wanted = SearchRequest[Group].model_validate(body.root, scim_ctx=Context.SEARCH_REQUEST)
    return ScimMessage(_groups(actor, wanted))


def _groups(actor: Actor, wanted: SearchRequest[Any]) -> dict[str, Any]:
    kept, base = directory(actor), address_of(actor.tenant)
    start, count = page_bounds(wanted)
    ids = list(kept.group_ids())
    if wanted.filter is not None:
        known = list(kept.groups_of(ids).values())
        members = _members_of(actor, known) if "members" in str(wanted.filter).lower() else {}
        chosen = [each for each in known if wanted.filter.match(group_of(each, members.get(each.id, ()), base))]
        total, chosen = len(chosen), chosen[start - 1 : start - 1 + count]
    else:
        total = len(ids)
        chosen = list(kept.groups_of(ids[start - 1 : start - 1 + count]).values())
    members = _members_of(actor, chosen) if _shows_members(wanted) else {}
    shown = [group_of(each, members.get(each.id, ()), base) for each in chosen]
    groups(actor).listed(len(shown))
    return page(Group, shown, total, start, wanted)


def _members_of(actor: Actor, chosen: list[DirectoryGroup]) -> dict[str, list[str]]:
    return directory(actor).members(each.id for each in chosen if each.members)


def _shows_members(selection: ResponseParameters[Any] | None) -> bool:
    if selection is None:
        return True
    unwanted = {_attribute(path) for path in selection.excluded_attributes or ()}
    named = {_attribute(path).partition(".")[0] for path in selection.attributes or ()}
    return "members" not in unwanted and (not named or bool(named & {"members", "group"}))


def _attribute(path: object) -> str:
    """The attribute's name without its schema. A schema alone gives the name of its resource."""
    return str(path).lower().rpartition(":")[2]


@api.post("/scim/v2/Groups", response=ScimMessage, status=201, permission=_NEEDS, errors=_GROUP_CHANGES)
@translate_errors
def scim_create_group(actor: Actor, body: ScimMessage) -> Response:
    """Make a group."""
    resource = Group.model_validate(body.root, scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    service, wanted = groups(actor), member_ids(resource)
    service.check_users(wanted)
    group = service.create(resource.display_name or "", external_id=resource.external_id or "")
    if wanted:
        group = service.set_members(group, wanted, directory(actor))
    return _group_reply(actor, group, Context.RESOURCE_CREATION_RESPONSE)


@api.get("/scim/v2/Groups/{group_id}", response=ScimMessage, permission=_NEEDS, errors=(GroupNotFound, ScimRefused))
@translate_errors
def scim_read_group(actor: Actor, group_id: str, query: ScimSelection) -> Response:
    """A group with its members."""
    selection = ResponseParameters[Group].model_validate(query.model_dump(by_alias=True, exclude_none=True))
    return _group_reply(actor, groups(actor).read(group_id), Context.RESOURCE_QUERY_RESPONSE, selection)


@api.put(
    "/scim/v2/Groups/{group_id}",
    response=ScimMessage,
    permission=_NEEDS,
    errors=(GroupNotFound, PreconditionFailed, ChangedMeanwhile, *_GROUP_CHANGES),
    headers=("If-Match",),
)
@translate_errors
def scim_replace_group(actor: Actor, group_id: str, body: ScimMessage, request: Request) -> Response:
    """Say anew what a group is and who is in it."""
    resource = Group.model_validate(body.root, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
    before = groups(actor).read(group_id)
    members = directory(actor).members([group_id])[group_id]
    resource.replace(group_of(before, members, address_of(actor.tenant)))
    group = _change_group(actor, before, set(members), resource, request)
    return _group_reply(actor, group, Context.RESOURCE_REPLACEMENT_RESPONSE)


@api.patch(
    "/scim/v2/Groups/{group_id}",
    response=ScimMessage,
    permission=_NEEDS,
    errors=(GroupNotFound, PreconditionFailed, ChangedMeanwhile, *_GROUP_CHANGES),
    headers=("If-Match",),
)
@translate_errors
def scim_patch_group(actor: Actor, group_id: str, body: ScimMessage, request: Request) -> Response:
    """Rename a group, or change who is in it."""
    patch = PatchOp[Group].model_validate(body.root, scim_ctx=Context.RESOURCE_PATCH_REQUEST)
    group, members = groups(actor).read(group_id), directory(actor).members([group_id])[group_id]
    resource = group_of(group, members, address_of(actor.tenant))
    patch.patch(resource)
    group = _change_group(actor, group, set(members), resource, request)
    return _group_reply(actor, group, Context.RESOURCE_PATCH_RESPONSE)


def _change_group(
    actor: Actor, before: DirectoryGroup, members: set[str], resource: Group, request: Request
) -> DirectoryGroup:
    revision, service, wanted = required_revision(request), groups(actor), member_ids(resource)
    if revision not in (None, before.revision):
        raise PreconditionFailed("Read the group again and repeat what you wanted.")
    service.check_users(wanted - members)
    group, name, external_id = before, resource.display_name or "", resource.external_id or ""
    if (name, external_id) != (before.name, before.external_id):
        group = service.change(before, name, external_id)
    if wanted != members:
        group = service.set_members(group, wanted, directory(actor))
    return group


@api.delete(
    "/scim/v2/Groups/{group_id}",
    status=204,
    permission=_NEEDS,
    errors=(GroupNotFound, PreconditionFailed, ChangedMeanwhile),
    headers=("If-Match",),
)
@translate_errors
def scim_delete_group(actor: Actor, group_id: str, request: Request) -> None:
    """Delete a group, with everything that was granted to it."""
    service, wanted = groups(actor), required_revision(request)
    if wanted not in (None, service.read(group_id).revision):
        raise PreconditionFailed("Read the group again and repeat what you wanted.")
    service.delete(group_id)


def _group_reply(actor: Actor, group: DirectoryGroup, context: Context, selection: Any = None) -> Response:
    members = _members_of(actor, [group]) if _shows_members(selection) else {}
    resource = group_of(group, members.get(group.id, ()), address_of(actor.tenant))
    headers = {"ETag": version(group.revision), "Location": location(resource)}
    return Response(ScimMessage(dump(resource, context, selection)), headers)
