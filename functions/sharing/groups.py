"""HTTP routes for groups and their members: parse, delegate, present."""

from docplatform.core.actor import Actor, Permission
from docplatform.directory.groups import GroupService
from docplatform.directory.wiring.groups import groups
from docplatform.http.consequence import Consequence
from docplatform.http.request import Request
from docplatform.http.router import Router
from docplatform.http.schemas import Listing, Page, Response

from .group_schemas import GroupChange, GroupView, MemberView, NewGroup

api = Router(api_keys_allowed=True)


@api.post(
    "/v1/groups",
    response=GroupView,
    status=201,
    permission=Permission.MANAGE_USERS,
    use_case=GroupService.create,
    headers=("Idempotency-Key",),
    consequence=Consequence.LASTING,
)
def create_group(actor: Actor, body: NewGroup, request: Request) -> Response:
    """Create a group."""
    group = groups(actor).create(body.name, idempotency_key=request.idempotency_key)
    return Response(
        GroupView.model_validate(group), {"Location": f"/v1/groups/{group.id}", "ETag": f'"{group.revision}"'}
    )


@api.get("/v1/groups", response=Page[GroupView], permission=Permission.READ, use_case=GroupService.list)
def list_groups(actor: Actor, query: Listing) -> Page[GroupView]:
    """The organisation's groups."""
    found, following = groups(actor).list(limit=query.limit, cursor=query.cursor)
    return Page[GroupView].of(found, following)


@api.get("/v1/groups/{group_id}", response=GroupView, permission=Permission.READ, use_case=GroupService.read)
def read_group(actor: Actor, group_id: str) -> Response:
    """A group."""
    group = groups(actor).read(group_id)
    return Response(GroupView.model_validate(group), {"ETag": f'"{group.revision}"'})


@api.patch(
    "/v1/groups/{group_id}",
    response=GroupView,
    permission=Permission.MANAGE_USERS,
    use_case=GroupService.rename,
    headers=("If-Match",),
    consequence=Consequence.LASTING,
)
def rename_group(actor: Actor, group_id: str, body: GroupChange, request: Request) -> Response:
    """Rename a group."""
    group = groups(actor).rename(group_id, body.name, if_revision=request.if_match)
    return Response(GroupView.model_validate(group), {"ETag": f'"{group.revision}"'})


@api.delete(
    "/v1/groups/{group_id}",
    status=204,
    permission=Permission.MANAGE_USERS,
    use_case=GroupService.delete,
    consequence=Consequence.LASTING,
)
def delete_group(actor: Actor, group_id: str) -> None:
    """Delete a group, with everything that was granted to it."""
    groups(actor).delete(group_id)


@api.get(
    "/v1/groups/{group_id}/members",
    response=Page[MemberView],
    permission=Permission.READ,
    use_case=GroupService.members,
)
def list_members(actor: Actor, group_id: str, query: Listing) -> Page[MemberView]:
    """Who is in a group."""
    found, following = groups(actor).members(group_id, limit=query.limit, cursor=query.cursor)
    return Page[MemberView].of(found, following)


@api.put(
    "/v1/groups/{group_id}/members/{user_id}",
    status=204,
    permission=Permission.MANAGE_USERS,
    use_case=GroupService.add_member,
    consequence=Consequence.LASTING,
)
def add_member(actor: Actor, group_id: str, user_id: str) -> None:
    """Put somebody into a group; what is granted to the group is theirs with the next request."""
    groups(actor).add_member(group_id, user_id)


@api.delete(
    "/v1/groups/{group_id}/members/{user_id}",
    status=204,
    permission=Permission.MANAGE_USERS,
    use_case=GroupService.remove_member,
    consequence=Consequence.LASTING,
)
def remove_member(actor: Actor, group_id: str, user_id: str) -> None:
    """Take somebody out of a group."""
    groups(actor).remove_member(group_id, user_id)
