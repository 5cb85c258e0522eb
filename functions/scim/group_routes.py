"""HTTP routes for SCIM groups."""

from functools import partial
from typing import Any

from scim2_models import (
    Context,
    PatchOp,
    ResponseParameters,
    SearchRequest,
)

from docplatform.core.actor import Actor, Permission
from docplatform.core.errors import Invalid
from docplatform.directory.group import GroupAttributes, GroupWithMembers
from docplatform.directory.group_provisioning import GroupProvisioning
from docplatform.directory.listing import DirectoryListing
from docplatform.directory.wiring.provisioning import groups, listing
from docplatform.http.consequence import Consequence
from docplatform.http.request import Request
from docplatform.http.router import Router
from docplatform.http.schemas import Response
from docplatform.runtime.tenant_resolution import address_of

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
from .resources import Group, group_attributes_of, group_of, location
from .schemas import ScimMessage, ScimQuery, ScimSelection

api = Router(DIALECT, api_keys_allowed=True)
_NEEDS = Permission.MANAGE_USERS

# The OpenAPI document names this error, but no use case raises it. It stays, because generated clients use it.
_PUBLISHED = (Invalid,)


@api.get(
    "/scim/v2/Groups",
    response=ScimMessage,
    permission=_NEEDS,
    use_case=DirectoryListing.groups,
    errors=(ScimRefused,),
)
@translate_errors
def scim_list_groups(actor: Actor, query: ScimQuery) -> ScimMessage:
    """Groups, filtered and in pages."""
    wanted = SearchRequest[Group].model_validate(query.model_dump(by_alias=True, exclude_none=True))
    return _list(actor, wanted)


@api.post(
    "/scim/v2/Groups/.search",
    response=ScimMessage,
    permission=_NEEDS,
    use_case=DirectoryListing.groups,
    errors=(ScimRefused,),
    consequence=Consequence.NONE,
)
@translate_errors
def scim_search_groups(actor: Actor, body: ScimMessage) -> ScimMessage:
    """The same, with the filter in the body."""
    wanted = SearchRequest[Group].model_validate(body.root, scim_ctx=Context.SEARCH_REQUEST)
    return _list(actor, wanted)


def _list(actor: Actor, wanted: SearchRequest[Any]) -> ScimMessage:
    start, count = page_bounds(wanted)
    present = partial(group_of, base=address_of(actor.tenant))
    found = listing(actor).groups(
        start,
        count,
        matcher(wanted, present),
        match_members="members" in str(wanted.filter).lower(),
        show_members=_shows_members(wanted),
    )
    return ScimMessage(page(Group, map(present, found.items), found.total, start, wanted))


def _shows_members(selection: ResponseParameters[Any]) -> bool:
    unwanted = {_attribute(path) for path in selection.excluded_attributes or ()}
    named = {_attribute(path).partition(".")[0] for path in selection.attributes or ()}
    return "members" not in unwanted and (not named or bool(named & {"members", "group"}))


def _attribute(path: object) -> str:
    """The attribute's name without its schema. A schema alone gives the name of its resource."""
    return str(path).lower().rpartition(":")[2]


@api.post(
    "/scim/v2/Groups",
    response=ScimMessage,
    status=201,
    permission=_NEEDS,
    use_case=GroupProvisioning.create,
    errors=(ScimRefused, *_PUBLISHED),
    consequence=Consequence.LASTING,
)
@translate_errors
def scim_create_group(actor: Actor, body: ScimMessage) -> Response:
    """Make a group."""
    resource = Group.model_validate(body.root, scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    group = groups(actor).create(group_attributes_of(resource))
    return _group_reply(actor, group, Context.RESOURCE_CREATION_RESPONSE)


@api.get(
    "/scim/v2/Groups/{group_id}",
    response=ScimMessage,
    permission=_NEEDS,
    use_case=GroupProvisioning.read,
    errors=(ScimRefused,),
)
@translate_errors
def scim_read_group(actor: Actor, group_id: str, query: ScimSelection) -> Response:
    """A group with its members."""
    selection = ResponseParameters[Group].model_validate(query.model_dump(by_alias=True, exclude_none=True))
    group = groups(actor).read(group_id, with_members=_shows_members(selection))
    return _group_reply(actor, group, Context.RESOURCE_QUERY_RESPONSE, selection)


@api.put(
    "/scim/v2/Groups/{group_id}",
    response=ScimMessage,
    permission=_NEEDS,
    use_case=GroupProvisioning.change,
    errors=(ScimRefused, *_PUBLISHED),
    headers=("If-Match",),
    consequence=Consequence.LASTING,
)
@translate_errors
def scim_replace_group(actor: Actor, group_id: str, body: ScimMessage, request: Request) -> Response:
    """Say anew what a group is and who is in it."""
    resource = Group.model_validate(body.root, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)

    def revise(group: GroupWithMembers) -> GroupAttributes:
        resource.replace(group_of(group, address_of(actor.tenant)))
        return group_attributes_of(resource)

    group = groups(actor).change(group_id, revise, if_revision=required_revision(request))
    return _group_reply(actor, group, Context.RESOURCE_REPLACEMENT_RESPONSE)


@api.patch(
    "/scim/v2/Groups/{group_id}",
    response=ScimMessage,
    permission=_NEEDS,
    use_case=GroupProvisioning.change,
    errors=(ScimRefused, *_PUBLISHED),
    headers=("If-Match",),
    consequence=Consequence.LASTING,
)
@translate_errors
def scim_patch_group(actor: Actor, group_id: str, body: ScimMessage, request: Request) -> Response:
    """Rename a group, or change who is in it."""
    patch = PatchOp[Group].model_validate(body.root, scim_ctx=Context.RESOURCE_PATCH_REQUEST)

    def revise(group: GroupWithMembers) -> GroupAttributes:
        resource = group_of(group, address_of(actor.tenant))
        patch.patch(resource)
        return group_attributes_of(resource)

    group = groups(actor).change(group_id, revise, if_revision=required_revision(request))
    return _group_reply(actor, group, Context.RESOURCE_PATCH_RESPONSE)


@api.delete(
    "/scim/v2/Groups/{group_id}",
    status=204,
    permission=_NEEDS,
    use_case=GroupProvisioning.delete,
    headers=("If-Match",),
    consequence=Consequence.LASTING,
)
@translate_errors
def scim_delete_group(actor: Actor, group_id: str, request: Request) -> None:
    """Delete a group, with everything that was granted to it."""
    groups(actor).delete(group_id, if_revision=required_revision(request))


def _group_reply(actor: Actor, group: GroupWithMembers, context: Context, selection: Any = None) -> Response:
    resource = group_of(group, address_of(actor.tenant))
    headers = {"ETag": version(group.group.revision), "Location": location(resource)}
    return Response(ScimMessage(dump(resource, context, selection)), headers)
