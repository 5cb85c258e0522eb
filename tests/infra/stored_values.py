"""Values of every dataclass that is stored as an item: every field set, and every optional field empty."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from docplatform.api_keys.model import ApiKey
from docplatform.core.actor import Actor, Permission, Role
from docplatform.core.audit import Action, AuditRecord
from docplatform.core.tenant import IsolationLevel, Plan, Tenant, TenantStatus
from docplatform.directory.entry import DirectoryEntry
from docplatform.directory.group import Group
from docplatform.identity.factors import Challenge, ChallengePurpose, Factors, Method, Passkey
from docplatform.identity.model import Session, User, UserKind, UserStatus
from docplatform.library.model import Document, Folder, ProcessingError, ProcessingStep, ScanVerdict, State, Version
from docplatform.sso.model import Connection, Kind, SsoAttempt

AT = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
LATER = datetime(2026, 3, 1, 13, 0, 0, 7_000, tzinfo=UTC)
WHOLE = datetime(2026, 4, 1, tzinfo=UTC)  # zero milliseconds: the text shows them nevertheless


def an_id(kind: str, number: int) -> str:
    return f"{kind}_{number:026d}"


USER, OTHER_USER, SESSION = an_id("usr", 1), an_id("usr", 2), an_id("ses", 1)
DOCUMENT, FOLDER, GROUP, API_KEY = an_id("doc", 1), an_id("fld", 1), an_id("grp", 1), an_id("key", 1)
TENANT = Tenant("t000000000001", "acme", "Acme", Plan.STANDARD, "us-east-1", TenantStatus.ACTIVE, "pooled", AT)
ACTOR = Actor(replace(TENANT, plan=Plan.ENTERPRISE), USER, SESSION, Role.ADMIN, "request-1")
FULL_VERSION = Version(
    id=an_id("ver", 1),
    number=12,
    size=2**40,
    content_type="application/pdf",
    created_by=USER,
    created_at=AT,
    state=State.READY,
    step=ProcessingStep.DONE,
    trouble=ProcessingError("unreadable", "It cannot be read", "Send it again."),
    sha256="ab" * 32,
    storage_version="3/L4kqtJlcpXroDTDmJ",
    file_type="pdf",
    pages=3,
    scan=ScanVerdict.CLEAN,
    has_text=True,
    text_truncated=True,
    has_preview=True,
    title="Bericht über 文書",
    author="Ann",
    finished_at=LATER,
    derived_apart=True,
    attachments=("invoice.xml", "Anhang ü.pdf"),
)
NEW_VERSION = Version(
    id=an_id("ver", 1), number=1, size=0, content_type="text/plain", created_by=USER, created_at=WHOLE
)
FULL_DOCUMENT = Document(
    id=DOCUMENT,
    name="Bericht.pdf",
    folder_id=FOLDER,
    chain=("root", FOLDER),
    owner=USER,
    created_at=AT,
    updated_at=LATER,
    revision=7,
    version=FULL_VERSION,
    grants={f"user:{OTHER_USER}": Role.VIEWER, f"group:{GROUP}": Role.EDITOR, "everyone": Role.ADMIN},
    inherits=False,
)
FULL_FOLDER = Folder(
    id=FOLDER,
    name="Verträge",
    parent_id="root",
    chain=("root",),
    children=4,
    created_by=USER,
    created_at=AT,
    updated_at=LATER,
    revision=2,
    grants={f"user:{OTHER_USER}": Role.VIEWER, "everyone": Role.EDITOR},
    inherits=False,
    cuts=1,
)
PERSON = User(USER, "ann@acme.example", "Ann Müller", Role.EDITOR, UserStatus.ACTIVE, AT)
SERVICE = User(USER, "", "Importer", Role.VIEWER, UserStatus.DISABLED, WHOLE, UserKind.SERVICE)
FULL_SESSION = Session(
    SESSION, USER, "s" * 64, "f" * 64, AT, LATER, WHOLE, "2001:db8::1", "Firefox", LATER, ("pwd", "otp")
)
PASSKEYS = (
    Passkey(an_id("pky", 1), "Laptop", "Y3JlZA", "a2V5", 0, AT, AT),
    Passkey(an_id("pky", 2), "Phone", "b3RoZXI", "a2V5Mg", 41, AT, LATER),
)
FULL_FACTORS = Factors("sealed", "sealed-pending", 58_000_000, frozenset({"c3", "a1", "b2"}), PASSKEYS, 5)
FULL_CONNECTION = Connection(
    kind=Kind.OIDC,
    issuer="https://login.acme.example",
    client_id="client",
    sealed_secret="sealed",
    metadata_url="https://login.acme.example/metadata",
    metadata="<md/>",
    groups_claim="roles",
    domains=("acme.example", "acme.test"),
    roles={"admins": Role.ADMIN, "all: everybody": Role.VIEWER},
    default_role=Role.EDITOR,
    follow_groups=True,
    mfa=True,
    enforced=True,
    fallback_users=(USER, OTHER_USER),
    revision=9,
    authoritative_domains=("acme.test",),
    links_complete=True,
)
FULL_API_KEY = ApiKey(
    id=API_KEY,
    owner_id=USER,
    name="Backup",
    scopes=frozenset({Permission.SEARCH, Permission.READ, Permission.AUDIT}),
    secret_hash="h" * 64,
    created_by=OTHER_USER,
    created_at=AT,
    expires_at=WHOLE,
    used_at=LATER,
    revoked_at=LATER,
)
FULL_TENANT = Tenant(
    id="t000000000002",
    subdomain="globex",
    name="Globex",
    plan=Plan.ENTERPRISE,
    region="eu-central-1",
    status=TenantStatus.SUSPENDED,
    collection="globex",
    created_at=AT,
    isolation_level=IsolationLevel.DEDICATED,
    encryption_key="arn:aws:kms:eu-central-1:111111111111:key/a",
    features=frozenset({"ocr", "links", "bulk"}),
    table="globex",
)
FULL_RECORD = AuditRecord(
    id="01abc",
    at=AT,
    tenant_id=TENANT.id,
    actor=USER,
    session=SESSION,
    action=Action.ACCESS_GRANTED,
    target=DOCUMENT,
    request="request-1",
    facts={"role": Role.EDITOR, "count": 3, "whole": True, "kinds": ["b", "a"], "principal": "everyone"},
)
FULL_GROUP = Group(GROUP, "Legal", "ext-1", 12, AT, LATER, 3)
ENTRY = DirectoryEntry(PERSON, "ann.mueller", "ext-7", '{"title":"Dr."}', LATER, 4, frozenset())


NEW_SESSION = replace(FULL_SESSION, auth_time=None, amr=(), address="", agent="")
NEW_DOCUMENT = replace(FULL_DOCUMENT, version=NEW_VERSION, grants={}, inherits=True, chain=())
FAILED_DOCUMENT = replace(NEW_DOCUMENT, version=replace(NEW_VERSION, state=State.FAILED, scan=ScanVerdict.INFECTED))
SAML_CONNECTION = Connection(Kind.SAML, "https://idp.acme.example", groups_claim="", default_role=None)
NEW_API_KEY = replace(FULL_API_KEY, scopes=frozenset(), used_at=None, revoked_at=None)
SSO_ATTEMPT = SsoAttempt(
    "s", "browser", 9, "nonce", "verifier", {"issuer": "https://a", "keys": ["k2", "k1"]}, LATER, True
)
CHALLENGE = Challenge("hash", ChallengePurpose.STEP_UP, USER, LATER, Method.FEDERATED)
