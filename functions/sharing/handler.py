"""HTTP routes for access to folders and documents: parse, delegate, present."""

from docplatform.core import cursors
from docplatform.core.actor import Actor, Permission
from docplatform.core.errors import InvalidCursor
from docplatform.http.consequence import Consequence
from docplatform.http.router import Router
from docplatform.http.schemas import Page
from docplatform.identity.wiring.authority import authority_of
from docplatform.sharing.grants import SharingService
from docplatform.sharing.wiring import sharing

from . import groups
from .schemas import (
    AccessView,
    ExplanationQuery,
    ExplanationView,
    GrantBody,
    GrantedQuery,
    GrantedView,
    InheritanceBody,
)

api = Router(api_keys_allowed=True, authorities=authority_of)


@api.get(
    "/v1/access",
    response=Page[GrantedView],
    permission=Permission.READ,
    use_case=SharingService.granted_to,
    errors=(InvalidCursor,),
)
def list_granted(actor: Actor, query: GrantedQuery) -> Page[GrantedView]:
    """What is shared with you, or, for admins, with somebody else: by a grant to them, to a group of theirs or to everyone. What they own
    is not in the list."""
    user_id = query.user_id or actor.user_id
    after = cursors.decode(query.cursor).get("after", "") if query.cursor else ""
    found, following = sharing(actor).granted_to(user_id, limit=query.limit, after=after)
    following = cursors.encode({"after": following}) if following else ""
    return Page[GrantedView].of((GrantedView.of(each) for each in found), following)


@api.get("/v1/access/{node_id}", response=AccessView, permission=Permission.READ, use_case=SharingService.list)
def list_access(actor: Actor, node_id: str) -> AccessView:
    """Who has access to a folder or document, and by which grant. Its owner and the organisation's admins have access without one."""
    return AccessView.model_validate(sharing(actor).list(node_id))


@api.put(
    "/v1/access/{node_id}/grants/{principal}",
    response=AccessView,
    permission=Permission.WRITE,
    use_case=SharingService.grant,
    consequence=Consequence.LASTING,
)
def grant_access(actor: Actor, node_id: str, principal: str, body: GrantBody) -> AccessView:
    """Share with `user:<id>`, `group:<id>` or `everyone`, or change the role. A folder is shared with all that is in it."""
    return AccessView.model_validate(sharing(actor).grant(node_id, principal, body.role))


@api.delete(
    "/v1/access/{node_id}/grants/{principal}",
    status=204,
    permission=Permission.READ,
    use_case=SharingService.revoke,
    consequence=Consequence.LASTING,
)
def revoke_access(actor: Actor, node_id: str, principal: str) -> None:
    """Take back what was granted here. It is effective with the next request, in searches too."""
    sharing(actor).revoke(node_id, principal)


@api.put(
    "/v1/access/{node_id}/inheritance",
    response=AccessView,
    permission=Permission.WRITE,
    use_case=SharingService.set_inheritance,
    consequence=Consequence.LASTING,
)
def set_inheritance(actor: Actor, node_id: str, body: InheritanceBody) -> AccessView:
    """Cut off what is granted further up, or let it hold again. Whoever cuts keeps the role admin here."""
    return AccessView.model_validate(sharing(actor).set_inheritance(node_id, body.inherits, copy=body.copy_grants))


@api.get(
    "/v1/access/{node_id}/explanation",
    response=ExplanationView,
    permission=Permission.READ,
    use_case=SharingService.explain,
)
def explain_access(actor: Actor, node_id: str, query: ExplanationQuery) -> ExplanationView:
    """Why somebody can, or cannot, see a folder or document: every grant, group and folder that counts. Without `user_id`: why you can."""
    return ExplanationView.of(sharing(actor).explain(node_id, query.user_id or actor.user_id))


api.include(groups.api)
handler = api.handler
