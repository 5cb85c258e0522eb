"""People and sessions as they travel over HTTP."""

from typing import Annotated, Any

from docplatform.domain.identity import Role, Session, User, UserStatus
from docplatform.domain.tenants import Plan, Tenant
from docplatform.runtime.wire import Moment, Wire
from pydantic import Field

Email = Annotated[str, Field(max_length=254, examples=["ann@acme.example"])]
Password = Annotated[str, Field(max_length=1000, examples=["a sentence is easy to remember"])]
PersonName = Annotated[str, Field(min_length=1, max_length=200, examples=["Ann Example"])]
Opaque = Annotated[str, Field(min_length=1, max_length=500)]


class Login(Wire):
    email: Email
    password: Password


class Refresh(Wire):
    refresh_token: Opaque


class Acceptance(Wire):
    """``token`` is the one in the invitation's mail."""

    token: Opaque
    name: PersonName
    password: Password


class KeySet(Wire):
    """RFC 7517."""

    keys: list[dict[str, Any]]


class NewUser(Wire):
    email: Email
    role: Role
    name: Annotated[str, Field(max_length=200)] = ""


class UserView(Wire):
    id: str
    email: str
    name: str
    role: Role
    status: UserStatus
    created_at: Moment

    @staticmethod
    def of(user: User) -> "UserView":
        return UserView(
            id=user.id,
            email=user.email,
            name=user.name,
            role=user.role,
            status=user.status,
            created_at=user.created_at,
        )


class UserListing(Wire):
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: str = ""


class UserPage(Wire):
    items: list[UserView]
    next_cursor: str | None


class PlanLimits(Wire):
    """Sizes in bytes."""

    largest_file: int
    storage: int
    documents: int
    users: int


class Me(Wire):
    user: UserView
    organisation: str
    plan: Plan
    region: str
    limits: PlanLimits

    @staticmethod
    def of(user: User, tenant: Tenant) -> "Me":
        limits = tenant.limits
        return Me(
            user=UserView.of(user),
            organisation=tenant.name,
            plan=tenant.plan,
            region=tenant.region,
            limits=PlanLimits(
                largest_file=limits.file_bytes,
                storage=limits.storage_bytes,
                documents=limits.documents,
                users=limits.users,
            ),
        )


class SessionView(Wire):
    """``address`` and ``agent`` are of the log-in; ``current``: the one that asks."""

    id: str
    created_at: Moment
    used_at: Moment
    expires_at: Moment
    address: str
    agent: str
    current: bool

    @staticmethod
    def of(session: Session, current: str) -> "SessionView":
        return SessionView(
            id=session.id,
            created_at=session.created_at,
            used_at=session.used_at,
            expires_at=session.expires_at,
            address=session.address,
            agent=session.agent,
            current=session.id == current,
        )


class SessionList(Wire):
    items: list[SessionView]
