"""HTTP routes for access and groups: parse, delegate, present."""

from docplatform.core import cursors
from docplatform.core.actor import Actor, Permission
from docplatform.core.errors import (
    ChangedMeanwhile,
    GroupNotFound,
    IdempotencyKeyReused,
    InvalidCursor,
    InvalidName,
    PreconditionFailed,
    QuotaExceeded,
)
from docplatform.directory.errors import GroupNameTaken, TooManyGroups
from docplatform.directory.wiring.groups import groups
from docplatform.http.request import Request
from docplatform.http.router import Router
from docplatform.http.schemas import Listing, Page, Response
from docplatform.identity.errors import UserNotFound
from docplatform.library.errors import DocumentNotFound, FolderNotFound, InvalidPrincipal, RootFolder, TooManyGrants
from docplatform.sharing.errors import GrantNotFound
from docplatform.sharing.wiring import sharing

from .schemas import (
    AccessView,
    ExplanationQuery,
    ExplanationView,
    GrantBody,
    GrantedQuery,
    GrantedView,
    GroupChange,
    GroupView,
    InheritanceBody,
    MemberView,
    NewGroup,
)

api = Router(api_keys_allowed=True)
_UNKNOWN = (FolderNotFound, DocumentNotFound)


# -- who has access to what
@api.get("/v1/access", response=Page[GrantedView], permission=Permission.READ, errors=(UserNotFound, InvalidCursor))
def list_granted(actor: Actor, query: GrantedQuery) -> Page[GrantedView]:
    """What is shared with you, or, for admins, with somebody else: by a grant to them, to a group of theirs or to everyone. What they own
    is not in the list."""
    user_id = query.user_id or actor.user_id
    after = cursors.decode(query.cursor).get("after", "") if query.cursor else ""
    found, following = sharing(actor).granted_to(user_id, limit=query.limit, after=after)
    following = cursors.encode({"after": following}) if following else ""
    return Page[GrantedView].of((GrantedView.of(each) for each in found), following)


@api.get("/v1/access/{node_id}", response=AccessView, permission=Permission.READ, errors=_UNKNOWN)
def list_access(actor: Actor, node_id: str) -> AccessView:
    """Who has access to a folder or document, and by which grant. Its owner and the organisation's admins have access without one."""
    return AccessView.model_validate(sharing(actor).list(node_id))


@api.put(
    "/v1/access/{node_id}/grants/{principal}",
    response=AccessView,
    permission=Permission.WRITE,
    errors=(*_UNKNOWN, InvalidPrincipal, UserNotFound, GroupNotFound, TooManyGrants, ChangedMeanwhile),
)
def grant_access(actor: Actor, node_id: str, principal: str, body: GrantBody) -> AccessView:
    """Share with `user:<id>`, `group:<id>` or `everyone`, or change the role. A folder is shared with all that is in it."""
    return AccessView.model_validate(sharing(actor).grant(node_id, principal, body.role))


@api.delete(
    "/v1/access/{node_id}/grants/{principal}",
    status=204,
    permission=Permission.READ,
    errors=(*_UNKNOWN, GrantNotFound, ChangedMeanwhile),
)
def revoke_access(actor: Actor, node_id: str, principal: str) -> None:
    """Take back what was granted here. It is effective with the next request, in searches too."""
    sharing(actor).revoke(node_id, principal)


@api.put(
    "/v1/access/{node_id}/inheritance",
    response=AccessView,
    permission=Permission.WRITE,
    errors=(*_UNKNOWN, RootFolder, TooManyGrants, ChangedMeanwhile),
)
def set_inheritance(actor: Actor, node_id: str, body: InheritanceBody) -> AccessView:
    """Cut off what is granted further up, or let it hold again. Whoever cuts keeps the role admin here."""
    return AccessView.model_validate(sharing(actor).set_inheritance(node_id, body.inherits, copy=body.copy_grants))


@api.get(
    "/v1/access/{node_id}/explanation",
    response=ExplanationView,
    permission=Permission.READ,
    errors=(*_UNKNOWN, UserNotFound),
)
def explain_access(actor: Actor, node_id: str, query: ExplanationQuery) -> ExplanationView:
    """Why somebody can, or cannot, see a folder or document: every grant, group and folder that counts. Without `user_id`: why you can."""
    return ExplanationView.of(sharing(actor).explain(node_id, query.user_id or actor.user_id))


# -- groups
@api.post(
    "/v1/groups",
    response=GroupView,
    status=201,
    permission=Permission.MANAGE_USERS,
    errors=(GroupNameTaken, InvalidName, IdempotencyKeyReused),
    headers=("Idempotency-Key",),
)
def create_group(actor: Actor, body: NewGroup, request: Request) -> Response:
    """Create a group."""
    group = groups(actor).create(body.name, idempotency_key=request.idempotency_key)
    return Response(
        GroupView.model_validate(group), {"Location": f"/v1/groups/{group.id}", "ETag": f'"{group.revision}"'}
    )


@api.get("/v1/groups", response=Page[GroupView], permission=Permission.READ, errors=(InvalidCursor,))
def list_groups(actor: Actor, query: Listing) -> Page[GroupView]:
    """The organisation's groups."""
    found, following = groups(actor).list(limit=query.limit, cursor=query.cursor)
    return Page[GroupView].of(found, following)


@api.get("/v1/groups/{group_id}", response=GroupView, permission=Permission.READ, errors=(GroupNotFound,))
def read_group(actor: Actor, group_id: str) -> Response:
    """A group."""
    group = groups(actor).read(group_id)
    return Response(GroupView.model_validate(group), {"ETag": f'"{group.revision}"'})


@api.patch(
    "/v1/groups/{group_id}",
    response=GroupView,
    permission=Permission.MANAGE_USERS,
    errors=(GroupNotFound, GroupNameTaken, InvalidName, PreconditionFailed),
    headers=("If-Match",),
)
def rename_group(actor: Actor, group_id: str, body: GroupChange, request: Request) -> Response:
    """Rename a group."""
    group = groups(actor).rename(group_id, body.name, if_revision=request.if_match)
    return Response(GroupView.model_validate(group), {"ETag": f'"{group.revision}"'})


@api.delete(
    "/v1/groups/{group_id}",
    status=204,
    permission=Permission.MANAGE_USERS,
    errors=(GroupNotFound, ChangedMeanwhile),
)
def delete_group(actor: Actor, group_id: str) -> None:
    """Delete a group, with everything that was granted to it."""
    groups(actor).delete(group_id)


@api.get(
    "/v1/groups/{group_id}/members",
    response=Page[MemberView],
    permission=Permission.READ,
    errors=(GroupNotFound, InvalidCursor),
)
def list_members(actor: Actor, group_id: str, query: Listing) -> Page[MemberView]:
    """Who is in a group."""
    found, following = groups(actor).members(group_id, limit=query.limit, cursor=query.cursor)
    return Page[MemberView].of(found, following)


@api.put(
    "/v1/groups/{group_id}/members/{user_id}",
    status=204,
    permission=Permission.MANAGE_USERS,
    errors=(GroupNotFound, UserNotFound, TooManyGroups, QuotaExceeded),
)
def add_member(actor: Actor, group_id: str, user_id: str) -> None:
    """Put somebody into a group; what is granted to the group is theirs with the next request."""
    groups(actor).add_member(group_id, user_id)


@api.delete(
    "/v1/groups/{group_id}/members/{user_id}",
    status=204,
    permission=Permission.MANAGE_USERS,
    errors=(GroupNotFound, UserNotFound),
)
def remove_member(actor: Actor, group_id: str, user_id: str) -> None:
    """Take somebody out of a group."""
    groups(actor).remove_member(group_id, user_id)


handler = api.handler
