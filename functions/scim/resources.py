"""Conversion between the platform's users and groups and SCIM resources (RFC 7643)."""

import json
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import Field
from scim2_models import (
    URN,
    CaseExact,
    ComplexAttribute,
    Context,
    Email,
    EnterpriseUser,
    GroupMembership,
    Meta,
    Mutability,
    Reference,
    Required,
    Resource,
    Uniqueness,
    User,
)

from docplatform.core.actor import Role
from docplatform.core.errors import Invalid
from docplatform.directory.entry import UserAttributes, UserWithGroups
from docplatform.directory.group import GroupAttributes, GroupWithMembers
from docplatform.identity.model import UserStatus, clean_display_name, clean_email

from .protocol import version

ScimUser = User[EnterpriseUser]


class Member(ComplexAttribute):
    """A member as in RFC 7643 §8.7.1. It has no ``display``: a member's name is in the user resource."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[Reference[User[Any]] | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])


class Group(Resource[Any]):
    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true, Uniqueness.server] = None
    members: list[Member] | None = None

    Members: ClassVar[type[ComplexAttribute]] = Member


LARGEST = 100_000  # characters of JSON per user; a DynamoDB item holds 400 KB
_NOT_STORED = ("id", "meta", "groups", "password")  # members that the platform sets itself, or never stores


def user_of(found: UserWithGroups, base: str) -> User[Any]:
    """The SCIM resource of a user. ``base`` is the URL of the tenant's API, without a path."""
    entry, user = found.entry, found.entry.user
    if entry.kept:
        resource = ScimUser.model_validate(json.loads(entry.kept))
    else:
        emails = [Email(value=user.email, primary=True)] if user.email else None
        resource = ScimUser(user_name=entry.user_name, emails=emails, display_name=user.name or None)
    resource.id = user.id
    if user.status is UserStatus.DISABLED or not entry.kept or resource.active is False:
        resource.active = user.status is not UserStatus.DISABLED
    resource.meta = _meta("User", f"{base}/scim/v2/Users/{user.id}", user.created_at, entry.updated_at, entry.version)
    if found.groups:
        resource.groups = [
            GroupMembership(
                value=each.id,
                type=None,
                display=each.name,
                ref=Reference[Any](f"{base}/scim/v2/Groups/{each.id}"),
            )
            for each in found.groups
        ]
    return resource


def attributes_of(resource: User[Any], before: UserWithGroups | None) -> UserAttributes:
    """The stored attributes of a user resource. ``before``: the user until now, None for a new one. What the resource
    does not say stays: whether a user is active, and a role that was never one of SCIM. Raises Invalid, InvalidName."""
    if not resource.user_name:
        raise Invalid("A user has a userName.")
    kept = resource.model_dump(scim_ctx=Context.DEFAULT, mode="json", exclude_none=True)
    text = json.dumps({name: value for name, value in kept.items() if name not in _NOT_STORED}, ensure_ascii=False)
    if len(text) > LARGEST:
        raise Invalid("That is more than we keep of one user.")
    return UserAttributes(
        user_name=resource.user_name,
        email=_email(resource),
        name=_name(resource),
        role=_role(resource, before),
        active=_is_active(before) if resource.active is None else resource.active,
        external_id=resource.external_id or "",
        kept=text,
    )


def _email(resource: User[Any]) -> str:
    """The primary address, else the first one, else the user name if it is an address."""
    emails = [each for each in resource.emails or [] if each.value]
    chosen = next((each for each in emails if each.primary), emails[0] if emails else None)
    if chosen:
        return clean_email(str(chosen.value))
    return clean_email(resource.user_name or "") if "@" in (resource.user_name or "") else ""


def _name(resource: User[Any]) -> str:
    name = resource.name
    parts = " ".join(part for part in (name.given_name, name.family_name) if part) if name else ""
    found = resource.display_name or (name.formatted if name else "") or parts
    return clean_display_name(" ".join(found.split()))[:200] if found and found.strip() else ""


def _is_active(user: UserWithGroups | None) -> bool:
    return user is None or user.entry.user.status is not UserStatus.DISABLED


def _role(resource: User[Any], before: UserWithGroups | None) -> Role:
    """The highest known role of the resource. Where ``roles`` names none, or names none any more, the user is a viewer,
    like a new one."""
    known = [Role(name) for each in resource.roles or [] if (name := str(each.value).strip().lower()) in list(Role)]
    if known:
        return max(known, key=list(Role).index)
    was_said = before is not None and bool(json.loads(before.entry.kept or "{}").get("roles"))
    return Role.VIEWER if before is None or resource.roles or was_said else before.entry.user.role


def group_of(found: GroupWithMembers, base: str) -> Group:
    """The SCIM resource of a group. ``base`` is the URL of the tenant's API, without a path."""
    group = found.group
    members = [
        Member(value=each, type="User", ref=Reference[User[Any]](f"{base}/scim/v2/Users/{each}"))
        for each in found.members
    ]
    meta = _meta("Group", f"{base}/scim/v2/Groups/{group.id}", group.created_at, group.updated_at, group.revision)
    resource = Group(display_name=group.name, external_id=group.external_id or None, members=members or None)
    resource.id, resource.meta = group.id, meta
    return resource


def group_attributes_of(resource: Group) -> GroupAttributes:
    """The stored attributes of a group resource."""
    members = frozenset(str(each.value) for each in resource.members or [] if each.value)
    return GroupAttributes(resource.display_name or "", resource.external_id or "", members)


def location(resource: Resource[Any]) -> str:
    """The address of a user or group that ``user_of`` or ``group_of`` has made."""
    return (resource.meta and resource.meta.location) or ""


def _meta(kind: str, location: str, created: datetime, changed: datetime, revision: int) -> Meta:
    return Meta(
        resource_type=kind, location=location, created=created, last_modified=changed, version=version(revision)
    )
