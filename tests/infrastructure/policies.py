"""An evaluator of IAM policies for what the product uses: identity policies and a role's trust policy, with
conditions and policy variables.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.infrastructure.synthesized import Stack

Context = Mapping[str, str | list[str]]


@dataclass(frozen=True)
class Statement:
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]]
    not_actions: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.effect} {', '.join(self.actions)} on {', '.join(self.resources)} if {dict(self.conditions)}"


def statements(document: Mapping[str, Any]) -> list[Statement]:
    return [
        Statement(
            each["Effect"],
            tuple(_listed(each.get("Action", "*"))),
            tuple(_listed(each.get("Resource", "*"))),
            each.get("Condition", {}),
            tuple(_listed(each.get("NotAction", ()))),
            tuple(_listed(each.get("NotResource", ()))),
        )
        for each in document["Statement"]
    ]


def roles(stack: Stack) -> Iterator[tuple[str, list[Statement]]]:
    """Every named role of a stack with all statements of its policies. Raises AssertionError for a managed policy,
    which is not read here."""
    for logical_id, role in stack.of("AWS::IAM::Role").items():
        found: list[Statement] = []
        for policy in role.get("Policies", ()):
            found += statements(policy["PolicyDocument"])
        for policy in stack.of("AWS::IAM::Policy").values():
            if f"<{logical_id}>" in policy["Roles"]:
                found += statements(policy["PolicyDocument"])
        if "RoleName" in role:
            assert not role.get("ManagedPolicyArns"), "what a managed policy allows is not read here"
            yield role["RoleName"], found


def tenant_roles(stack: Stack) -> dict[str, list[Statement]]:
    """The TenantAccess roles of the data stack, by what is in their names before the region: ``tenant-access-files``."""
    region = stack.name.removeprefix("docplatform-data-")
    return {
        name.removeprefix("docplatform-").removesuffix(f"-{region}"): policy
        for name, policy in roles(stack)
        if name.startswith("docplatform-tenant-access")
    }


def tenant_access(stack: Stack) -> list[Statement]:
    """The statements of all TenantAccess roles together, which is more than any function has."""
    found: list[Statement] = []
    for policy in tenant_roles(stack).values():
        found += [each for each in policy if each not in found]
    return found


def allows(policy: list[Statement], action: str, resource: str, context: Context) -> bool:
    """Whether the policy allows the request. ``context``: condition key → value or values; keys that the request
    does not have are left out."""
    effects = {each.effect for each in policy if _applies(each, action, resource, context)}
    return effects == {"Allow"}


def denies(policy: list[Statement], action: str, resource: str, context: Context) -> bool:
    """Whether a statement of the policy denies the request."""
    return any(each.effect == "Deny" and _applies(each, action, resource, context) for each in policy)


def trusts(trust: Mapping[str, Any], action: str, context: Context) -> bool:
    return allows(statements(trust), action, "*", context)


def _applies(statement: Statement, action: str, resource: str, context: Context) -> bool:
    if not any(fnmatchcase(action.lower(), each.lower()) for each in statement.actions):
        return False
    if not any(_like(each, resource, context) for each in statement.resources):
        return False
    if any(fnmatchcase(action.lower(), each.lower()) for each in statement.not_actions):
        return False
    if any(_like(each, resource, context) for each in statement.not_resources):
        return False
    return all(
        _holds(operator, context.get(key), _listed(wanted), context)
        for operator, keys in statement.conditions.items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, actual: str | list[str] | None, wanted: list[str], context: Context) -> bool:
    quantifier, _, name = operator.rpartition(":")
    if name == "Null":
        return (actual is None) == (wanted == ["true"])
    if name.startswith("StringNot"):  # holds also for a key that the request does not have
        return not (actual and _holds(name.replace("Not", "", 1), actual, wanted, context))
    if actual is None:
        return quantifier == "ForAllValues"  # of no values, all do

    def matches(value: str) -> bool:
        if name in ("StringEquals", "Bool"):
            return value in [_filled(each, context) for each in wanted]
        if name in ("StringLike", "ArnLike", "ArnEquals"):
            return any(_like(each, value, context) for each in wanted)
        raise AssertionError(f"this test does not know the operator {operator}")

    values = _listed(actual)
    return all(map(matches, values)) if quantifier == "ForAllValues" else any(map(matches, values))


def _like(pattern: str, value: str, context: Context) -> bool:
    filled = _filled(pattern, context)
    if filled is None:
        return False
    expression = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in filled)
    return re.fullmatch(expression, value) is not None


def _filled(text: str, context: Context) -> str | None:
    """The text with policy variables filled in; None if a variable has no value, because the statement then
    matches nothing."""
    wanted = re.findall(r"\$\{([^}]+)\}", text)
    for each in wanted:
        value = context.get(each)
        if not isinstance(value, str):
            return None
        text = text.replace(f"${{{each}}}", value)
    return text


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def document(policy: list[Statement]) -> dict[str, Any]:
    """The policy document as IAM writes it."""
    spelled = [
        {"Effect": each.effect, "Action": list(each.actions), "Resource": list(each.resources)}
        | ({"Condition": dict(each.conditions)} if each.conditions else {})
        for each in policy
    ]
    return {"Version": "2012-10-17", "Statement": spelled}
