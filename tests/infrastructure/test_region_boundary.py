"""No role reaches another region: its boundary forbids it, whatever its own policies allow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.infrastructure.policies import Context, Statement, allows, statements
from tests.infrastructure.synthesized import ACCOUNT, HOME, REGIONS, Assembly

STACKS = ("data", "api", "workflows", "observability")
OTHERS = {region: next(each for each in REGIONS if each not in (region, HOME)) for region in REGIONS}


def boundary(production: Assembly, region: str) -> list[Statement]:
    policy = production.stack("data", region).one(
        "AWS::IAM::ManagedPolicy", ManagedPolicyName=f"docplatform-boundary-{region}"
    )
    return statements(policy["PolicyDocument"])


def asked(region: str) -> Context:
    return {"aws:RequestedRegion": region}


def registry(region: str) -> str:
    return f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/docplatform-registry"


def roles(production: Assembly, region: str) -> Iterator[tuple[str, object]]:
    for stack in STACKS:
        for name, role in production.stack(stack, region).of("AWS::IAM::Role").items():
            yield f"{stack}: {name}", role.get("PermissionsBoundary")


@pytest.mark.parametrize("region", REGIONS)
def test_every_role_has_the_boundary_of_its_region(production: Assembly, region: str) -> None:
    found = dict(roles(production, region))
    assert len(found) > 25
    for name, given in found.items():
        assert f"docplatform-boundary-{region}" in str(given), name


def test_no_other_stack_has_roles(production: Assembly) -> None:
    assert production.stack("global").of("AWS::IAM::Role") == {}


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize(
    "action", ["dynamodb:GetItem", "s3:GetObject", "kms:Decrypt", "sts:AssumeRole", "sqs:SendMessage"]
)
def test_inside_the_region_the_roles_own_policies_decide(production: Assembly, region: str, action: str) -> None:
    assert allows(boundary(production, region), action, "arn:aws:x:::anything", asked(region))
    assert not allows(boundary(production, region), action, "arn:aws:x:::anything", asked(OTHERS[region]))


@pytest.mark.parametrize("region", [region for region in REGIONS if region != HOME])
def test_at_home_only_the_registry_is_reached_and_only_to_read_and_put(production: Assembly, region: str) -> None:
    policy = boundary(production, region)
    for action in ("dynamodb:GetItem", "dynamodb:PutItem"):
        assert allows(policy, action, registry(HOME), asked(HOME))
        assert not allows(policy, action, registry(OTHERS[region]), asked(OTHERS[region]))
        assert not allows(policy, action, registry(HOME).replace("registry", "data"), asked(HOME))
    for action in ("dynamodb:DeleteItem", "dynamodb:Scan", "dynamodb:UpdateTable"):
        assert not allows(policy, action, registry(HOME), asked(HOME))


def test_from_home_no_other_region_is_reached(production: Assembly) -> None:
    for region in set(REGIONS) - {HOME}:
        assert not allows(boundary(production, HOME), "dynamodb:GetItem", registry(region), asked(region))


@pytest.mark.parametrize("region", REGIONS)
def test_a_request_without_a_region_is_left_to_the_roles_own_policies(production: Assembly, region: str) -> None:
    assert allows(boundary(production, region), "events:PutRule", "arn:aws:x:::anything", {})
