"""HTTP routes of SCIM 2.0 (RFC 7643, RFC 7644), by which a company's identity system manages users and groups."""

from typing import Any

from scim2_models import (
    Context,
    EnterpriseUser,
    Meta,
    ResourceType,
    Schema,
    SearchRequest,
    User,
)

from docplatform.core.actor import Actor, Permission
from docplatform.core.audit import Action
from docplatform.directory.entry import UserWithGroups
from docplatform.directory.group import GroupWithMembers
from docplatform.directory.listing import DirectoryListing
from docplatform.directory.wiring.provisioning import listing
from docplatform.http.consequence import Consequence
from docplatform.http.router import Router
from docplatform.identity.wiring.authority import authority_of
from docplatform.runtime.tenant_resolution import address_of

from . import group_routes, user_routes
from .protocol import (
    DIALECT,
    ScimRefused,
    configuration,
    dump,
    matcher,
    page,
    page_bounds,
    resource_type,
    translate_errors,
)
from .resources import Group, ScimUser, group_of, user_of
from .schemas import ScimMessage, ScimQuery

api = Router(DIALECT, api_keys_allowed=True, authorities=authority_of)
_NEEDS = Permission.MANAGE_USERS
_MODELS = (ScimUser, Group)


# -- what there is
@api.get(
    "/scim/v2/ServiceProviderConfig", response=ScimMessage, permission=_NEEDS, audit_action=Action.SCIM_DESCRIPTION_READ
)
@translate_errors
def scim_configuration(actor: Actor) -> ScimMessage:
    """What of SCIM is supported."""
    found = configuration(address_of(actor.tenant))
    return ScimMessage(dump(found, Context.RESOURCE_QUERY_RESPONSE))


@api.get(
    "/scim/v2/ResourceTypes",
    response=ScimMessage,
    permission=_NEEDS,
    errors=(ScimRefused,),
    audit_action=Action.SCIM_DESCRIPTION_READ,
)
@translate_errors
def scim_resource_types(actor: Actor, query: ScimQuery) -> ScimMessage:
    """Users and groups."""
    _no_filter(query)
    described = [resource_type(model, address_of(actor.tenant)) for model in _MODELS]
    return ScimMessage(page(ResourceType, described, len(described), 1, None))


@api.get(
    "/scim/v2/ResourceTypes/{name}",
    response=ScimMessage,
    permission=_NEEDS,
    errors=(ScimRefused,),
    audit_action=Action.SCIM_DESCRIPTION_READ,
)
@translate_errors
def scim_resource_type(actor: Actor, name: str) -> ScimMessage:
    """One of them."""
    for model in _MODELS:
        described = resource_type(model, address_of(actor.tenant))
        if described.id == name:
            return ScimMessage(dump(described, Context.RESOURCE_QUERY_RESPONSE))
    raise ScimRefused("There is no such resource type.", status=404)


def _schemas(actor: Actor) -> list[Schema]:
    found = []
    for model in (User, EnterpriseUser, Group):
        schema = model.to_schema()
        location = f"{address_of(actor.tenant)}/scim/v2/Schemas/{schema.id}"
        schema.meta = Meta(resource_type="Schema", location=location)
        found.append(schema)
    return found


@api.get(
    "/scim/v2/Schemas",
    response=ScimMessage,
    permission=_NEEDS,
    errors=(ScimRefused,),
    audit_action=Action.SCIM_DESCRIPTION_READ,
)
@translate_errors
def scim_schemas(actor: Actor, query: ScimQuery) -> ScimMessage:
    """The attributes of users and groups."""
    _no_filter(query)
    found = _schemas(actor)
    return ScimMessage(page(Schema, found, len(found), 1, None))


@api.get(
    "/scim/v2/Schemas/{urn}",
    response=ScimMessage,
    permission=_NEEDS,
    errors=(ScimRefused,),
    audit_action=Action.SCIM_DESCRIPTION_READ,
)
@translate_errors
def scim_schema(actor: Actor, urn: str) -> ScimMessage:
    """One schema."""
    for schema in _schemas(actor):
        if str(schema.id) == urn:
            return ScimMessage(dump(schema, Context.RESOURCE_QUERY_RESPONSE))
    raise ScimRefused("There is no such schema.", status=404)


def _no_filter(query: ScimQuery) -> None:
    if query.filter:
        raise ScimRefused("This list takes no filter.", status=403)  # RFC 7644 §4


@api.post(
    "/scim/v2/.search",
    response=ScimMessage,
    permission=_NEEDS,
    use_case=DirectoryListing.users_and_groups,
    errors=(ScimRefused,),
    consequence=Consequence.NONE,
)
@translate_errors
def scim_search(actor: Actor, body: ScimMessage) -> ScimMessage:
    """Users and groups in one list: users first."""
    wanted = SearchRequest[ScimUser | Group].model_validate(body.root, scim_ctx=Context.SEARCH_REQUEST)
    start, count = page_bounds(wanted)
    base = address_of(actor.tenant)

    def present(found: UserWithGroups | GroupWithMembers) -> User[Any] | Group:
        return user_of(found, base) if isinstance(found, UserWithGroups) else group_of(found, base)

    found = listing(actor).users_and_groups(start, count, matcher(wanted, present))
    return ScimMessage(page(ScimUser | Group, map(present, found.items), found.total, start, wanted))


api.include(user_routes.api)
api.include(group_routes.api)
handler = api.handler
