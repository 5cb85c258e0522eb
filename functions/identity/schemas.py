"""Schemas of users, sessions and credentials."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from docplatform.authentication.views import Tokens
from docplatform.core.actor import Role
from docplatform.core.tenant import Plan, Tenant
from docplatform.http.schemas import Schema, Timestamp, View
from docplatform.identity.factors import Factors
from docplatform.identity.model import Session, User, UserKind, UserStatus
from docplatform.identity.security_settings import SecuritySettings

Email = Annotated[str, Field(max_length=254, examples=["ann@acme.example"])]
Password = Annotated[str, Field(max_length=1000, examples=["a sentence is easy to remember"])]
PersonName = Annotated[str, Field(min_length=1, max_length=200, examples=["Ann Example"])]
Opaque = Annotated[str, Field(min_length=1, max_length=500)]
Code = Annotated[str, Field(min_length=1, max_length=64)]
Credential = Annotated[dict[str, Any], Field(description="What the browser gave, as JSON (WebAuthn Level 3 §5.1)")]


class Login(Schema):
    email: Email
    password: Password


class Refresh(Schema):
    refresh_token: Opaque


class Acceptance(Schema):
    """``token`` is the one in the invitation's mail."""

    token: Opaque
    name: PersonName
    password: Password


class KeySet(Schema):
    """RFC 7517."""

    keys: list[dict[str, Any]]


class NewUser(Schema):
    email: Email
    role: Role
    name: Annotated[str, Field(max_length=200)] = ""


class UserView(View):
    """A service account has no e-mail address. ``email_changed_at``: until an admin has confirmed the new one. No password
    reset goes to it for a day."""

    id: str
    kind: UserKind
    email: str
    name: str
    role: Role
    status: UserStatus
    created_at: Timestamp
    email_changed_at: Timestamp | None


class PlanLimits(View):
    """Sizes in bytes."""

    largest_file: int = Field(validation_alias="file_bytes")
    storage: int = Field(validation_alias="storage_bytes")
    documents: int
    users: int


class Me(Schema):
    user: UserView
    organisation: str
    plan: Plan
    region: str
    limits: PlanLimits

    @staticmethod
    def of(user: User, tenant: Tenant) -> "Me":
        return Me(
            user=UserView.model_validate(user),
            organisation=tenant.name,
            plan=tenant.plan,
            region=tenant.region,
            limits=PlanLimits.model_validate(tenant.limits),
        )


class SessionView(Schema):
    """``address`` and ``agent`` are of the log-in; ``current``: the one that asks. ``authenticated_at`` and ``methods`` say when and how
    its person last proved who they are (RFC 8176 has the short names)."""

    id: str
    created_at: Timestamp
    used_at: Timestamp
    expires_at: Timestamp
    address: str
    agent: str
    authenticated_at: Timestamp | None
    methods: list[str]
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
            authenticated_at=session.auth_time,
            methods=list(session.amr),
            current=session.id == current,
        )


class UserChange(Schema):
    role: Role | None = None
    disabled: bool | None = None


Minutes = Annotated[int, Field(strict=True, ge=0, le=525_600)]
AddressRange = Annotated[str, Field(max_length=50, examples=["192.0.2.0/24"])]


class SecurityView(Schema):
    """``session_idle_minutes``: a session ends when it was not refreshed for that time (5 minutes to 14 days);
    ``session_life_minutes``: when its person was last authenticated before that time (1 hour to 30 days).
    ``address_ranges``: where members and API keys may come from (CIDR); from everywhere if there are none."""

    require_mfa: bool
    session_idle_minutes: int
    session_life_minutes: int
    address_ranges: list[str]

    @staticmethod
    def of(settings: SecuritySettings) -> "SecurityView":
        return SecurityView(
            require_mfa=settings.require_mfa,
            session_idle_minutes=settings.session_idle // 60,
            session_life_minutes=settings.session_life // 60,
            address_ranges=list(settings.address_ranges),
        )


class SecurityChange(Schema):
    """As the settings themselves; what is left out stays."""

    require_mfa: bool
    session_idle_minutes: Minutes | None = None
    session_life_minutes: Minutes | None = None
    address_ranges: list[AddressRange] | None = None


class ForgottenPassword(Schema):
    email: Email


class NewPassword(Schema):
    """``token`` is the one in the mail. ``end_api_keys``: whether the user's own API keys end with the sessions."""

    token: Opaque
    password: Password
    end_api_keys: bool = False


class PasswordChange(Schema):
    old_password: Password
    new_password: Password


class ChallengeShown(Schema):
    challenge: Opaque


class Factor(Schema):
    """``challenge`` is that of ``mfa_required``; exactly one of the others goes with it."""

    challenge: Opaque
    code: Annotated[str, Field(max_length=64)] = ""
    recovery_code: Annotated[str, Field(max_length=64)] = ""
    passkey: Credential | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if bool(self.code) + bool(self.recovery_code) + (self.passkey is not None) != 1:
            raise ValueError("send one of code, recovery_code and passkey")
        return self


class Proof(Schema):
    """A password and, for who has a second factor, ``code`` or ``recovery_code``; or ``passkey`` with its ``challenge``."""

    password: Annotated[str, Field(max_length=1000)] = ""
    code: Annotated[str, Field(max_length=64)] = ""
    recovery_code: Annotated[str, Field(max_length=64)] = ""
    passkey: Credential | None = None
    challenge: Annotated[str, Field(max_length=500)] = ""


class OneTimeCode(Schema):
    code: Code


class EnrolmentConfirmation(Schema):
    challenge: Opaque
    code: Code


class TotpSecret(Schema):
    """``uri`` is for the QR code (otpauth)."""

    secret: str
    uri: str

    @staticmethod
    def of(secret: str, uri: str) -> "TotpSecret":
        return TotpSecret(secret=secret, uri=uri)


class RecoveryCodes(Schema):
    recovery_codes: list[str]


class FirstEntry(Tokens):
    recovery_codes: list[str]


class PasskeyOptions(Schema):
    """``challenge`` goes back with the browser's answer; ``public_key`` goes into the browser."""

    challenge: str
    public_key: dict[str, Any]


class PasskeyLogin(Schema):
    challenge: Opaque
    passkey: Credential


class NewPasskey(Schema):
    challenge: Opaque
    passkey: Credential
    name: Annotated[str, Field(min_length=1, max_length=100, examples=["Ann's phone"])]


class PasskeyView(View):
    id: str
    name: str
    created_at: Timestamp
    used_at: Timestamp


class PasskeyAdded(Schema):
    passkey: PasskeyView
    recovery_codes: list[str]


class FactorsView(Schema):
    """``recovery_codes``: how many are left."""

    totp: bool
    recovery_codes: int
    passkeys: list[PasskeyView]

    @staticmethod
    def of(factors: Factors) -> "FactorsView":
        return FactorsView(
            totp=bool(factors.totp),
            recovery_codes=len(factors.recovery),
            passkeys=[PasskeyView.model_validate(each) for each in factors.passkeys],
        )
