"""Policy variables such as ``${aws:PrincipalTag/tenant_id}`` in resources and conditions; and ``aws:PrincipalArn``, which for a role's
session is the ARN of the role.

A variable for which the request has no value matches nothing
(docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html).
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from local.cloud.patches import require

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_NOTHING = "\0"  # no ARN or value holds it


def apply() -> None:
    from ministack.core import iam_evaluator as iam

    match, resolve = require(iam, "_first_match"), require(iam, "_resolve_condition_key")

    def resolved_key(key: str, context: Any) -> Any:
        value = resolve(key, context)
        if key.lower() == "aws:principalarn" and isinstance(value, str) and ":assumed-role/" in value:
            return f"arn:aws:iam::{value.split(':')[4]}:role/{value.split('/')[1]}"
        return value

    iam._resolve_condition_key = resolved_key

    def filled(text: Any, context: Any) -> Any:
        if not isinstance(text, str) or "${" not in text:
            return text

        def value(found: re.Match[str]) -> str:
            name, _, default = (part.strip() for part in found[1].partition(","))
            if name in ("*", "?", "$"):
                return str(name)
            resolved = iam._resolve_condition_key(name, context)
            if isinstance(resolved, (list, tuple)):
                resolved = resolved[0] if len(resolved) == 1 else None
            return default.strip("'") or _NOTHING if resolved is None else str(resolved)

        return _VARIABLE.sub(value, text)

    def first_match(context: Any, statements: list[Any], effect: str, *more: Any) -> Any:
        for statement in statements:
            if statement.effect != effect:
                continue
            conditions = {
                operator: {
                    key: [filled(each, context) for each in (values if isinstance(values, list) else [values])]
                    for key, values in keys.items()
                }
                for operator, keys in (statement.conditions or {}).items()
            }
            concrete = dataclasses.replace(
                statement,
                resources=[filled(each, context) for each in statement.resources],
                not_resources=[filled(each, context) for each in statement.not_resources],
                conditions=conditions,
            )
            if match(context, [concrete], effect, *more):
                return statement
        return None

    iam._first_match = first_match
