"""No definition has a name that was given up: for a quaint one, or one with several meanings, the term of its field stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.mocked_aws import ROOT

PARTS = ("layers/platform/python/docplatform", "functions", "cdk", "local")

GIVEN_UP = {
    # signing in
    "Door": "SignIn",
    "SsoDoor": "SsoSignIn",
    "door": "sign_in",
    "Entry": "IssuedTokens, and what else an entry is of",
    "enter": "open_session",
    "Visitor": "RequestOrigin",
    "visitor": "origin",
    "Visiting": "AuditSubject",
    "NOBODY": "UNKNOWN_USER",
    "SecondSteps": "MfaSignIn",
    "second_steps": "mfa_sign_in",
    "show_factor": "verify_factor",
    "Shown": "PresentedFactor",
    "Proofs": "FactorVerifier",
    "proofs": "verifier",
    "Errand": "ChallengePurpose",
    "errand": "purpose",
    "OpenGate": "PasswordsAllowed",
    "Gate": "PasswordPolicyGate",
    "PasswordGate": "SsoPasswordGate",
    "Tally": "AttemptCount",
    "tally": "attempt_count",
    "standing": "counts",
    "forgive": "reset",
    "half_passed": "release",
    "look": "read",
    # idempotency
    "once": "idempotent",
    "Memory": "IdempotencyStore",
    "Remembering": "IdempotencyWrites",
    "remember": "record_key",
    "remembered": "lookup",
    "DynamoMemory": "DynamoIdempotency",
    # the library and its permissions
    "Work": "…Changes, or StepInput",
    "work": "changes, or given",
    "found": "create_first_admin, or result",
    "founder": "first_admin",
    "Surroundings": "Ancestry",
    "Line": "Path, or LogRecord",
    "judge": "evaluate",
    "Verdict": "Decision",
    "Because": "ReasonKind",
    "Reach": "IndexedPermissions, or RegionResources",
    "reach": "permissions",
    "Doer": "AuditIdentity",
    # search
    "Question": "SearchQuery",
    "ask": "search, or request",
    "Candidates": "IndexHits",
    "Reader": "PermissionFilter",
    "reader": "permission_filter, or extractor",
    # processing and extraction
    "Trouble": "ProcessingError",
    "trouble_of": "processing_error_of",
    "give_up": "mark_failed",
    "FileRefused": "FileRejected",
    "ReadingProblem": "RejectionReason",
    "reading": "extraction",
    "seal": "apply_limits, or encrypt",
    "contained": "sandbox",
    "child": "worker",
    "lettering": "fonts",
    "painting": "page",
    "prose": "office_text",
    "inserted": "embedded",
    "compound": "ole",
    "package": "office_package",
    "Gathering": "TextCollector",
    "Face": "Font",
    # single sign-on and outbound requests
    "depart": "authorization_request",
    "arrive": "handle_callback",
    "Departure": "AuthorizationRequest",
    "anew": "reauthenticate",
    "Outbound": "OutboundHttp",
    "ProviderDown": "ProviderUnavailable",
    "patience": "timeout",
    "token_form": "token_format",
    "key_named": "key_id_of",
    "spelt_as_we_do": "is_canonical",
    # the edge
    "steady": "response_time",
    "as_long_as_a_mail": "pad_to_mail_time",
    "at_least": "pad_to",
    "Api": "Router",
    "Wire": "Schema",
    "Moment": "Timestamp",
    "Reply": "Response",
    "Foreign": "LenientSchema",
    "in_order": "process_stream",
    "followed": "target_of",
    "follow": "handle",
    "acting_for": "system_actor",
    "tenant_in_hand": "current_tenant",
    "Asked": "AuthorizerRequest",
    "note": "add",
    "fault": "add_error",
    # items and transactions
    "wire": "encode_value",
    "unwire": "decode_value",
    "to_wire": "encode_item",
    "from_wire": "decode_item",
    "moment": "parse_rfc3339",
    "put_over": "put_if_revision",
    "take": "pop",
    "record_alone": "record_standalone",
    "if_taken": "error_if_exists",
    "otherwise": "error",
    "ceiling": "at_most",
    "where": "equals",
    "dynamo_keys": "api_keys/adapters/store.py",
    # live connections
    "LiveEnds": "ConnectionRevocation",
    "ends": "revocation",
    "Bearers": "SessionLookup",
    "SETTLING": "CONNECT_GRACE",
    # several meanings
    "room": "function",
    "keys": "key_set, api_keys, item_keys",
    "Limits": "PlanLimits, ExtractionLimits",
    "Step": "ProcessingStep",
    "Attempt": "SignInAttempt, SsoAttempt",
    "Facts": "a name that says of what",
}
"""What was given up, and what stands for it."""

EXCEPTED = {
    ("layers/*/adapters/keys.py", "keys"): "the keys of items; each capability names its module so",
    ("layers/*/infra/dynamodb/*.py", "keys"): "the keys of items",
    ("functions/identity/schemas.py", "keys"): "a member of a JWK set (RFC 7517)",
    ("local/cloud/patches/live_code.py", "package"): "Python's word",
    ("local/cloud/patches/live_code.py", "_package"): "Python's word",
}
"""Homonyms that are the right word in their place: by file, with ``*``, and name."""

Definition = tuple[str, int]
"""A name and its line."""


class Finding(NamedTuple):
    file: str
    line: int
    name: str


def definitions(tree: ast.Module) -> Iterator[Definition]:
    """Classes, functions, attributes, and the names of a module."""
    for statement in tree.body:
        yield from _assigned(statement)
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef():
                yield node.name, node.lineno
                for statement in node.body:
                    yield from _assigned(statement)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name, node.lineno
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr, node.lineno


def _assigned(statement: ast.stmt) -> Iterator[Definition]:
    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else []
    targets = statement.targets if isinstance(statement, ast.Assign) else targets
    for target in targets:
        for each in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            if isinstance(each, ast.Name):
                yield each.id, each.lineno


def is_given_up(name: str) -> bool:
    plain = name.removeprefix("_")
    return plain in GIVEN_UP or plain.endswith("Work")


def given_up_in(path: Path, root: Path) -> list[Finding]:
    module = path.parent.name if path.name == "__init__.py" else path.stem
    names = [(module, 1), *definitions(ast.parse(path.read_text()))]
    return [Finding(str(path.relative_to(root)), line, name) for name, line in names if is_given_up(name)]


def everywhere() -> list[Finding]:
    files = (path for part in PARTS for path in sorted((ROOT / part).rglob("*.py")))
    return [found for path in files for found in given_up_in(path, ROOT)]


def test_no_definition_has_a_name_that_was_given_up() -> None:
    found = everywhere()
    excepted = {
        (pattern, name): [each for each in found if fnmatch(each.file, pattern) and each.name == name]
        for pattern, name in EXCEPTED
    }
    assert [key for key, those in excepted.items() if not those] == [], "these exceptions are needed no more"
    allowed = {each for those in excepted.values() for each in those}
    assert [f"{each.file}:{each.line}: {each.name}" for each in found if each not in allowed] == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("a.py", "class Door: ..."),
        ("a.py", "def judge() -> None: ..."),
        ("a.py", "class A:\n    def _follow(self) -> None: ..."),
        ("a.py", "class A:\n    reader: str"),
        ("a.py", "class A:\n    where = 1"),
        ("a.py", "class A:\n    def __init__(self) -> None:\n        self._proofs = 1"),
        ("a.py", "class LibraryWork: ..."),
        ("a.py", "NOBODY = 1"),
        ("a.py", "SETTLING: int"),
        ("a.py", "a, reader = 1, 2"),
        ("a.py", "class A:\n    one, where = 1, 2"),
        ("lettering.py", ""),
        ("reading/__init__.py", ""),
    ],
)
def test_each_kind_of_definition_is_looked_at(tmp_path: Path, path: str, source: str) -> None:
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(source)
    assert len(given_up_in(tmp_path / path, tmp_path)) == 1
