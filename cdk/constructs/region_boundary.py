"""The permissions boundary of a region: no role reaches another region, whatever its own policies say.

A boundary limits what identity policies grant (docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html). The one exception
is the tenant registry: functions of operators write it in its home region.
"""

from __future__ import annotations

from collections.abc import Iterator

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk import names

_REGISTRY_ACTIONS = ["dynamodb:GetItem", "dynamodb:PutItem"]  # those of Grant.REGISTRY_WRITE


class RegionBoundary(Construct):
    """A managed policy. It grants nothing: a role may do what both its own policies and the boundary allow."""

    def __init__(self, scope: Construct, name: str, *, home_region: str) -> None:
        super().__init__(scope, name)
        stack = cdk.Stack.of(self)
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            managed_policy_name=names.region_boundary(stack.region),
            description="Keeps every role of docplatform in its region",
        )
        for statement in _statements(stack.account, stack.region, home_region):
            policy.add_statements(statement)


def _statements(account: str, region: str, home_region: str) -> Iterator[iam.PolicyStatement]:
    elsewhere: dict[str, dict[str, object]] = {
        "StringNotEquals": {"aws:RequestedRegion": [region]},
        "Null": {"aws:RequestedRegion": "false"},
    }
    yield iam.PolicyStatement(sid="WhatTheRoleAllows", actions=["*"], resources=["*"])
    if home_region == region:
        yield _deny("NoOtherRegion", elsewhere, actions=["*"], resources=["*"])
        return
    yield _deny("NoOtherRegion", elsewhere, not_actions=_REGISTRY_ACTIONS, resources=["*"])
    yield _deny(
        "NothingElseAtHome",
        elsewhere,
        actions=_REGISTRY_ACTIONS,
        not_resources=[names.registry_arn(account, home_region)],
    )


def _deny(sid: str, conditions: dict[str, dict[str, object]], **what: list[str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, effect=iam.Effect.DENY, conditions=conditions, **what)  # type: ignore[arg-type]


def keep_in_region(stack: cdk.Stack) -> None:
    """Give every role of the stack the boundary of its region, which the data stack makes."""
    found = iam.ManagedPolicy.from_managed_policy_name(
        stack, "RegionBoundaryByName", names.region_boundary(stack.region)
    )
    iam.PermissionsBoundary.of(stack).apply(found)
