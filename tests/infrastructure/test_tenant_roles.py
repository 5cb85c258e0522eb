"""The TenantAccess roles by need: which function may assume which of them, and what each of them does not reach."""

from __future__ import annotations

import json

import pytest

from cdk import specs
from docplatform.runtime.spec import Grant
from tests.infrastructure.policies import Context, allows, roles, tenant_roles, trusts
from tests.infrastructure.synthesized import ACCOUNT, REGIONS, Assembly, Json

OWN = "t000000000001"
ITEMS, SECRETS = "tenant-access", "tenant-access-secrets"
FILES, SEARCH, CONTENT = "tenant-access-files", "tenant-access-search", "tenant-access-files-search"

ROLE_OF = {
    "api-keys": ITEMS,
    "authorizer": ITEMS,
    "break-glass-watch": ITEMS,
    "documents": FILES,
    "folders": ITEMS,
    "identity": SECRETS,
    "index-sync": CONTENT,
    "index-verify": CONTENT,
    "ingestion-dispatch": ITEMS,
    "ingestion-recover": FILES,
    "live": ITEMS,
    "live-admission": ITEMS,
    "live-ends": ITEMS,
    "live-sockets": ITEMS,
    "password-resets": ITEMS,
    "processing-extract": FILES,
    "processing-fail": CONTENT,
    "processing-finish": ITEMS,
    "processing-index": CONTENT,
    "processing-preview": FILES,
    "processing-verify": FILES,
    "scim": ITEMS,
    "search": SEARCH,
    "sharing": ITEMS,
    "sso": SECRETS,
    "tenants": ITEMS,
    "tenants-settle": ITEMS,
}
"""Every function that acts for a tenant. Files: it signs links, or passes files on. Search: it searches or writes entries. Secrets:
it signs people in with a second factor or single sign-on. A new line, or more than a line has, is a decision."""

ALL = [each.spec.name for each in specs.discover()]


@pytest.fixture(params=REGIONS)
def region(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _trust(production: Assembly, region: str, role: str) -> Json:
    name = f"docplatform-{role}-{region}"
    return dict(production.stack("data", region).one("AWS::IAM::Role", RoleName=name)["AssumeRolePolicyDocument"])


def _arn(production: Assembly, region: str, role: str) -> str:
    found = production.stack("data", region).of("AWS::IAM::Role").items()
    (logical_id,) = [each for each, made in found if made.get("RoleName") == f"docplatform-{role}-{region}"]
    return f"<{logical_id}.Arn>"


def _request(region: str, caller: str, tenant_id: str | None = OWN, **tags: str) -> Context:
    given = ({} if tenant_id is None else {"tenant_id": tenant_id}) | tags
    return {
        "aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/docplatform-{caller}-{region}",
        "aws:TagKeys": list(given),
        **{f"aws:RequestTag/{name}": value for name, value in given.items()},
    }


def test_there_is_a_role_for_each_need_and_no_other(production: Assembly, region: str) -> None:
    assert set(tenant_roles(production.stack("data", region))) == set(ROLE_OF.values())


@pytest.mark.parametrize("action", ["sts:AssumeRole", "sts:TagSession"])
def test_a_function_may_assume_its_role_and_no_other(production: Assembly, region: str, action: str) -> None:
    """The function's own policy and the role's trust policy both decide, and each is asked alone."""
    own = dict(roles(production.stack("api", region)))
    for role in set(ROLE_OF.values()):
        trust, arn = _trust(production, region, role), _arn(production, region, role)
        for function in ALL:
            due = ROLE_OF.get(function) == role
            assert trusts(trust, action, _request(region, function)) == due, f"trust: {function} as {role}"
            policy = own[f"docplatform-{function}-{region}"]
            assert allows(policy, action, arn, {}) == due, f"own role: {function} as {role}"


def test_the_role_of_a_function_is_the_one_in_its_environment(production: Assembly, region: str) -> None:
    for function in production.stack("api", region).of("AWS::Lambda::Function").values():
        name = function["FunctionName"].removeprefix("docplatform-")
        role = function["Environment"]["Variables"].get("TENANT_ACCESS_ROLE_ARN")
        assert role == (_arn(production, region, ROLE_OF[name]) if name in ROLE_OF else None), name


def test_nobody_becomes_a_tenant_without_naming_one(production: Assembly, region: str) -> None:
    elsewhere = next(iter(set(REGIONS) - {region}))
    for function, role in ROLE_OF.items():
        trust = _trust(production, region, role)
        for not_one in (None, "", "t", "*", f"{OWN}x", "T000000000001", "x000000000001"):
            assert not trusts(trust, "sts:AssumeRole", _request(region, function, not_one)), not_one
        assert not trusts(trust, "sts:AssumeRole", _request(region, function, role="admin")), "a further tag"
        foreign = {**_request(region, function), "aws:PrincipalArn": _request(elsewhere, function)["aws:PrincipalArn"]}
        assert not trusts(trust, "sts:AssumeRole", foreign), "the same function of another region"
        for stranger in ("admin", "boundary", "malware-scan", role):
            assert not trusts(trust, "sts:AssumeRole", _request(region, stranger)), stranger


def _probes(region: str) -> dict[Grant, tuple[str, str, Context]]:
    """A request that each need stands for, by a session of the tenant."""
    tag = {"aws:PrincipalTag/tenant_id": OWN}
    through = {"kms:ViaService": f"s3.{region}.amazonaws.com"}
    return {
        Grant.TENANT_ACCESS: (
            "dynamodb:GetItem",
            f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/docplatform-data",
            {**tag, "dynamodb:LeadingKeys": [f"{OWN}#doc#1"]},
        ),
        Grant.TENANT_FILES: (
            "s3:GetObject",
            f"arn:aws:s3:::docplatform-documents-{ACCOUNT}-{region}/tenants/{OWN}/documents/1/2/original",
            {**tag, **through},
        ),
        Grant.TENANT_SEARCH: (
            "aoss:APIAccessAll",
            f"arn:aws:aoss:{region}:{ACCOUNT}:collection/x",
            {**tag, "aws:ResourceTag/tenant_id": OWN},
        ),
        Grant.TENANT_SECRETS: ("kms:Decrypt", "KEY", {**tag, "kms:EncryptionContext:tenant_id": OWN}),
    }


REACHES = {
    ITEMS: {Grant.TENANT_ACCESS},
    FILES: {Grant.TENANT_ACCESS, Grant.TENANT_FILES},
    SEARCH: {Grant.TENANT_ACCESS, Grant.TENANT_SEARCH},
    CONTENT: {Grant.TENANT_ACCESS, Grant.TENANT_FILES, Grant.TENANT_SEARCH},
    SECRETS: {Grant.TENANT_ACCESS, Grant.TENANT_SECRETS},
}


@pytest.mark.parametrize("role", REACHES)
def test_a_role_reaches_what_its_functions_need_and_nothing_else(production: Assembly, region: str, role: str) -> None:
    data = production.stack("data", region)
    policy, key = tenant_roles(data)[role], f"<{data.key('alias/docplatform-data')}.Arn>"
    for need, (action, resource, context) in _probes(region).items():
        named = resource.replace("KEY", key)
        assert allows(policy, action, named, context) == (need in REACHES[role]), f"{role}: {need}"
    services = {action.partition(":")[0] for each in policy for action in each.actions}
    assert ("s3" in services, "aoss" in services) == (
        Grant.TENANT_FILES in REACHES[role],
        Grant.TENANT_SEARCH in REACHES[role],
    )


def test_no_other_name_stands_in_for_the_tenants_in_an_encryption_context(production: Assembly, region: str) -> None:
    """IAM compares the name in ``kms:EncryptionContext:tenant_id`` without its case, so another tenant's context could hold
    ``TENANT_ID`` too."""
    data = production.stack("data", region)
    policy, key = tenant_roles(data)[SECRETS], f"<{data.key('alias/docplatform-data')}.Arn>"
    own = {"aws:PrincipalTag/tenant_id": OWN, "kms:EncryptionContext:tenant_id": OWN}
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        for keys, allowed in ((["tenant_id"], True), (["tenant_id", "TENANT_ID"], False), (["TENANT_ID"], False)):
            assert allows(policy, action, key, {**own, "kms:EncryptionContextKeys": keys}) == allowed, keys


def test_the_search_collections_open_to_the_roles_for_search_alone(production: Assembly, region: str) -> None:
    (access,) = production.stack("data", region).of("AWS::OpenSearchServerless::AccessPolicy").values()
    (grant,) = json.loads(access["Policy"])
    assert set(grant["Principal"]) == {_arn(production, region, role) for role in (SEARCH, CONTENT)}


def test_a_trust_policy_has_room(production: Assembly, region: str) -> None:
    """IAM takes 2,048 characters (docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html). A tenth is left free."""
    for role in REACHES:
        text = json.dumps(_trust(production, region, role), separators=(",", ":"))
        assert len(text) < 1_850, f"{role}: {len(text)}"
