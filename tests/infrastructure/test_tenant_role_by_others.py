"""TenantAccess before three independent evaluators: the rule of the architecture, written down here; an IAM evaluator
from npm (@cloud-copilot/iam-simulate); and the local cloud. They get thousands of requests and must agree on each.

KMS is left out, because the npm evaluator knows no encryption-context keys. ``test_tenant_role_keys.py`` has a table
for it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from local.settings import CLOUD_PYTHON, ROOT
from tests.engines.npm import NotInstalled, answers, installed
from tests.infrastructure.policies import Statement, allows, document, tenant_access
from tests.infrastructure.synthesized import ACCOUNT, REGIONS, Assembly

OWN, FOREIGN = "t00000000000a", "t00000000000b"
MANY = 3_000
_READ = {"GetItem", "BatchGetItem", "Query"}
_ALL = _READ | {"PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"}
_APPEND = {"GetItem", "Query", "PutItem"}
_NEVER = ["Scan", "BatchWriteItem", "PartiQLSelect", "PartiQLInsert", "DescribeTable", "DeleteTable", "UpdateTable"]
_OBJECT = {"GetObject", "GetObjectVersion", "PutObject", "DeleteObject", "DeleteObjectVersion"}
_OBJECT |= {"GetObjectTagging", "GetObjectVersionTagging"}
_NEVER_OBJECT = ["PutObjectTagging", "PutObjectAcl", "GetObjectAcl", "PutObjectRetention", "BypassGovernanceRetention"]
_LISTING = {"ListBucket", "ListBucketVersions"}
_PARTS = ("tenants", "derived")  # of the bucket: uploads, and what processing makes of them


@dataclass(frozen=True)
class RoleRequest:
    """A request of the role in ``region``, by a session with the tag ``tenant``; '' is no tag."""

    region: str
    tenant: str
    action: str
    resource: str
    keys: tuple[str, ...] | None = None
    prefix: str | None = None

    @property
    def context(self) -> dict[str, Any]:
        found: dict[str, Any] = {"aws:PrincipalTag/tenant_id": self.tenant} if self.tenant else {}
        if self.keys is not None:
            found["dynamodb:LeadingKeys"] = list(self.keys)
        if self.prefix is not None:
            found["s3:prefix"] = self.prefix
        return found

    def line(self) -> dict[str, Any]:
        principal = f"arn:aws:sts::{ACCOUNT}:assumed-role/docplatform-tenant-access-{self.region}/session"
        about = {"region": self.region, "action": self.action, "resource": self.resource, "context": self.context}
        return {"principal": principal, **about}


def due(asked: RoleRequest) -> bool:
    """The rule: a session may use its tenant's items and files in its region, and may append to and read the audit
    trail."""
    service, _, action = asked.action.partition(":")
    if not asked.tenant:
        return False
    if service == "dynamodb":
        table = f"arn:aws:dynamodb:{asked.region}:{ACCOUNT}:table/docplatform-"
        of_data = asked.resource == table + "data" or asked.resource.startswith(table + "data/index/")
        of_audit = asked.resource == table + "audit"
        named = bool(asked.keys) and all(key.startswith(f"{asked.tenant}#") for key in asked.keys or ())
        return named and ((of_data and action in _ALL) or (of_audit and action in _APPEND))
    bucket = f"arn:aws:s3:::docplatform-documents-{ACCOUNT}-{asked.region}"
    own = tuple(f"{part}/{asked.tenant}/" for part in _PARTS)
    if asked.resource == bucket:
        return action in _LISTING and (asked.prefix or "").startswith(own)
    return action in _OBJECT and asked.resource.removeprefix(f"{bucket}/").startswith(own)


# -- requests
def _tenants(chance: random.Random) -> str:
    return chance.choice([OWN, OWN, OWN, FOREIGN, ""])


def _near(chance: random.Random) -> str:
    """A tenant's id, or a text similar to one."""
    return chance.choice(
        [
            OWN,
            OWN,
            OWN,
            FOREIGN,
            OWN + "x",
            OWN[:-1],
            "x" + OWN,
            OWN.upper(),
            "",
            "*",
            "?" * 13,
            "${aws:PrincipalTag/tenant_id}",
        ]
    )


def _key(chance: random.Random) -> str:
    return _near(chance) + chance.choice(["#", "#doc#1", "#" + OWN, "", "/doc", "##", "#*", "-#doc"])


def _asks_for_items(chance: random.Random) -> RoleRequest:
    region = chance.choice(REGIONS)
    of = chance.choice([region, region, region, *REGIONS])
    account = chance.choice([ACCOUNT, ACCOUNT, ACCOUNT, "210987654321"])
    name = chance.choice(
        ["data", "data", "data/index/gsi1", "data/index/gsi3", "audit", "audit/index/x", "registry", "data2", "dat"]
    )
    action = chance.choice([*sorted(_ALL), *_NEVER])
    # A request names keys or it does not: DynamoDB sends no empty list, which judges would take for a key that is there.
    keys = None if chance.random() < 0.1 else tuple(_key(chance) for _ in range(chance.choice([1, 1, 1, 2, 25])))
    if keys and chance.random() < 0.4:
        keys = tuple(f"{OWN}#doc#{number}" for number, _ in enumerate(keys))
    return RoleRequest(
        region,
        _tenants(chance),
        f"dynamodb:{action}",
        f"arn:aws:dynamodb:{of}:{account}:table/docplatform-{name}",
        keys,
    )


def _path(chance: random.Random) -> str:
    return chance.choice(
        ["tenants/", "tenants/", "derived/", "tenant/", "", "/tenants/", "tenants//", "x/tenants/", "derived/tenants/"]
    ) + (
        _near(chance) + chance.choice(["/", "/documents/1/2/original", "", "/../" + FOREIGN + "/x", "%2F", "/*", "x/y"])
    )


def _asks_for_files(chance: random.Random) -> RoleRequest:
    region = chance.choice(REGIONS)
    what = chance.choice(["documents", "documents", "documents", "audit", "document"])
    bucket = f"arn:aws:s3:::docplatform-{what}-{ACCOUNT}-{chance.choice([region, region, *REGIONS])}"
    if chance.random() < 0.3:
        prefix = None if chance.random() < 0.1 else _path(chance)
        return RoleRequest(region, _tenants(chance), f"s3:{chance.choice(sorted(_LISTING))}", bucket, prefix=prefix)
    action = chance.choice([*sorted(_OBJECT), *_NEVER_OBJECT])
    return RoleRequest(region, _tenants(chance), f"s3:{action}", f"{bucket}/{_path(chance) or 'x'}")


def _fair(chance: random.Random, like: RoleRequest) -> RoleRequest:
    """A request that the rule allows, for the same service and region."""
    region = like.region
    if like.action.startswith("dynamodb:"):
        table, actions = chance.choice([("data", _ALL), ("data/index/gsi1", _ALL), ("audit", _APPEND)])
        resource = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/docplatform-{table}"
        keys = tuple(f"{OWN}#doc#{number}" for number in range(chance.choice([1, 1, 2, 25])))
        return RoleRequest(region, OWN, f"dynamodb:{chance.choice(sorted(actions))}", resource, keys)
    bucket, part = f"arn:aws:s3:::docplatform-documents-{ACCOUNT}-{region}", chance.choice(_PARTS)
    if like.prefix is not None:
        return RoleRequest(
            region, OWN, f"s3:{chance.choice(sorted(_LISTING))}", bucket, prefix=f"{part}/{OWN}/documents/"
        )
    return RoleRequest(
        region, OWN, f"s3:{chance.choice(sorted(_OBJECT))}", f"{bucket}/{part}/{OWN}/documents/1/2/original"
    )


def requests(seed: int) -> Iterator[RoleRequest]:
    """Random requests, allowed ones, and allowed ones with one part changed."""
    chance = random.Random(seed)
    for number in range(MANY):
        wild = (_asks_for_items if number % 2 else _asks_for_files)(chance)
        fair, only = _fair(chance, wild), chance.choice(["tenant", "action", "resource", "keys", "prefix"])
        yield chance.choice([wild, fair, replace(fair, **{only: getattr(wild, only)})])


# -- judges
@pytest.fixture(scope="module")
def policies(production: Assembly) -> dict[str, list[Statement]]:
    """The role's statements by region, without those for KMS."""
    found = {region: tenant_access(production.stack("data", region)) for region in REGIONS}
    return {
        region: [each for each in policy if not each.actions[0].startswith("kms:")] for region, policy in found.items()
    }


def by_the_simulator(policy: list[Statement], asked: list[RoleRequest]) -> list[bool | None]:
    """The simulator's answers; None for a file with a star in its name, which the simulator takes for a pattern."""
    try:
        folder = installed(ROOT / "tests/engines/iam")
    except NotInstalled as why:
        pytest.skip(str(why))
    clear = [each for each in asked if "*" not in each.resource]
    told = answers(["node", "evaluate.mjs"], [document(policy), *(each.line() for each in clear)], folder=folder)
    unclear = {each for each in told if each not in ("Allowed", "ImplicitlyDenied")}
    no_such_request = '{"message":"no.resource.types"}'  # such as the listing of an object
    knows_no_keys = "ImplicitlyDenied without dynamodb:LeadingKeys"
    assert unclear <= {no_such_request, knows_no_keys}, unclear
    found = dict(zip(clear, told, strict=True))
    return [found[each] == "Allowed" if each in found else None for each in asked]


def by_the_local_cloud(policy: list[Statement], asked: list[RoleRequest]) -> list[bool]:
    command = [str(CLOUD_PYTHON), str(ROOT / "tests/engines/iam/emulator.py")]
    told = answers(
        ["env", f"PYTHONPATH={ROOT}", *command], [document(policy), *(each.line() for each in asked)], folder=ROOT
    )
    assert set(told) <= {"Allow", "ImplicitDeny"}
    return [each == "Allow" for each in told]


def by_ours(policy: list[Statement], asked: list[RoleRequest]) -> list[bool]:
    return [allows(policy, each.action, each.resource, each.context) for each in asked]


JUDGES = [
    pytest.param(by_the_simulator, marks=pytest.mark.engines, id="iam-simulate"),
    pytest.param(by_the_local_cloud, id="local cloud"),
    pytest.param(by_ours, id="ours"),
]


@pytest.mark.parametrize("judge", JUDGES)
def test_every_judge_allows_what_is_due_and_nothing_else(judge: Any, policies: dict[str, list[Statement]]) -> None:
    asked = list(requests(seed=2026))
    assert 0.1 < sum(map(due, asked)) / len(asked) < 0.6, "both answers are asked for often"
    for region in REGIONS:
        of_region = [each for each in asked if each.region == region]
        told = judge(policies[region], of_region)
        assert told.count(None) < len(told) / 10
        wrong = [each for each, allowed in zip(of_region, told, strict=True) if allowed not in (None, due(each))]
        assert not wrong


# -- and they would notice
def loosened(policy: list[Statement], found: str, instead: str) -> list[Statement]:
    changed = [
        replace(
            each,
            actions=tuple(action.replace(found, instead) for action in each.actions),
            resources=tuple(resource.replace(found, instead) for resource in each.resources),
            conditions=json.loads(json.dumps(dict(each.conditions)).replace(found, instead)),
        )
        for each in policy
    ]
    assert changed != policy
    return changed


LOOSE = {
    "a key without its end": ("}#*", "}*"),
    "a prefix without its end": ("}/*", "}*"),
    "any tenant's keys": ("${aws:PrincipalTag/tenant_id}#", ""),
    "any tenant's files": ("tenants/${aws:PrincipalTag/tenant_id}/", "tenants/"),
    "a request that names no key": ('"dynamodb:LeadingKeys": "false"', '"dynamodb:LeadingKeys": "true"'),
    "one own key among several": ("ForAllValues:StringLike", "ForAnyValue:StringLike"),
    "tables with a name like ours": ("table/docplatform-data", "table/docplatform-dat*"),
    "any operation on items": ("dynamodb:GetItem", "dynamodb:*"),
    "writing the malware scan's verdict": ("s3:GetObjectTagging", "s3:*ObjectTagging"),
    "any region's documents": ("-us-east-1/tenants", "-*/tenants"),
    "any region's tables": ("arn:aws:dynamodb:us-east-1:", "arn:aws:dynamodb:*:"),
}


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("hole", LOOSE)
def test_a_hole_in_the_policy_is_found(judge: Any, hole: str, policies: dict[str, list[Statement]]) -> None:
    asked = [each for each in requests(seed=2026) if each.region == "us-east-1"]
    told = judge(loosened(policies["us-east-1"], *LOOSE[hole]), asked)
    assert [each for each, allowed in zip(asked, told, strict=True) if allowed and not due(each)]
