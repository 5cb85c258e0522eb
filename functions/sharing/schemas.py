"""HTTP representations of access to folders and documents."""

from typing import Literal

from pydantic import AliasPath, Field

from docplatform.core.actor import Role
from docplatform.http.schemas import Listing, Schema, TextOrNull, View
from docplatform.library.access import ReasonKind
from docplatform.library.model import Document, Folder
from docplatform.sharing.grants import Explanation, Granted


class GrantBody(Schema):
    role: Role


class InheritanceBody(Schema):
    """``copy_grants``: with a cut, keep what held until now as grants made here."""

    inherits: bool
    copy_grants: bool = False


class GrantView(View):
    """``granted_on``: the folder or document that the grant was made on; its name where you may read it."""

    principal: str = Field(examples=["user:usr_01j9zq3v8e5k7m2n4p6r8t0v1w", "everyone"])
    role: Role
    granted_on: str = Field(validation_alias="node_id")
    granted_on_name: TextOrNull = Field(validation_alias="name")
    inherited: bool


class AccessView(View):
    id: str = Field(validation_alias=AliasPath("node", "id"))
    inherits: bool = Field(validation_alias=AliasPath("node", "inherits"))
    owner: str = Field(validation_alias=AliasPath("node", "owner"))
    grants: list[GrantView] = Field(validation_alias="entries")


class ReasonView(Schema):
    """``because``: 'tenant_admin', 'owner' or 'grant'. ``role``: what this alone would give."""

    because: ReasonKind
    role: Role
    principal: str | None
    granted_on: str | None
    granted_on_name: str | None


class ExplanationQuery(Schema):
    user_id: str = ""


class ExplanationView(Schema):
    """``role`` is what the user may be here, null for no access: the strongest reason, capped by ``tenant_role``. ``inheritance_cut_at`` is
    where what is granted further up ends."""

    id: str
    user_id: str
    role: Role | None
    tenant_role: Role
    capped_by_tenant_role: bool
    groups: list[str]
    reasons: list[ReasonView]
    inheritance_cut_at: str | None

    @staticmethod
    def of(found: Explanation) -> "ExplanationView":
        reasons = [
            ReasonView(
                because=reason.kind,
                role=reason.role,
                principal=reason.principal or None,
                granted_on=reason.node_id or None,
                granted_on_name=found.names.get(reason.node_id),
            )
            for reason in found.decision.reasons
        ]
        return ExplanationView(
            id=found.node.id,
            user_id=found.caller.user_id,
            role=found.decision.role,
            tenant_role=found.caller.role,
            capped_by_tenant_role=found.capped,
            groups=sorted(found.caller.groups),
            reasons=reasons,
            inheritance_cut_at=found.decision.cut_at or None,
        )


class GrantedQuery(Listing):
    """Without ``user_id``: what you have."""

    user_id: str = ""


class GrantedView(Schema):
    kind: Literal["folder", "document"]
    id: str
    name: str
    principal: str
    role: Role

    @staticmethod
    def of(granted: Granted) -> "GrantedView":
        node: Folder | Document = granted.node
        kind: Literal["folder", "document"] = "folder" if isinstance(node, Folder) else "document"
        return GrantedView(kind=kind, id=node.id, name=node.name, principal=granted.principal, role=granted.role)
