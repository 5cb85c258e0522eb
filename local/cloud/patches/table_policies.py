"""Resource policies of DynamoDB tables: those of a template's replicas are kept, and a request is judged by them too.

The emulator stores what PutResourcePolicy sets, and evaluates nothing
(docs.aws.amazon.com/amazondynamodb/latest/developerguide/access-control-resource-based.html). A table's policy counts for its indexes.
A PartiQL statement has no table for the emulator, so no table's policy judges it here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from local.cloud.patches import expect, require

_TABLE = re.compile(r"(arn:aws:dynamodb:[^:]*:(\d{12}):table/[^/]+)(?:/index/.*)?")


def apply() -> None:
    from ministack.core import iam_evaluator as iam
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import dynamodb
    from ministack.services.cloudformation import provisioners

    lookups, kept = require(iam, "_RESOURCE_POLICY_LOOKUPS"), require(dynamodb, "_resource_policies")
    handlers, kind = require(provisioners, "_RESOURCE_HANDLERS"), "AWS::DynamoDB::GlobalTable"
    expect("dynamodb" not in lookups and kind in handlers, "the emulator evaluates policies of tables by itself")

    def policy_for_arn(resource_arn: str) -> tuple[str, str] | None:
        found = _TABLE.fullmatch(resource_arn)
        return ((kept.get(found[1]) or {}).get("Policy") or "", found[2]) if found else None

    def with_policy(made: Callable[..., Any]) -> Callable[..., Any]:
        def make(*given: Any) -> Any:
            answer, properties = made(*given), given[-2]
            here = [each for each in properties.get("Replicas", ()) if each.get("Region") == get_region()]
            document = here[0].get("ResourcePolicy", {}).get("PolicyDocument") if here else None
            arn = f"arn:aws:dynamodb:{get_region()}:{get_account_id()}:table/{properties['TableName']}"
            if document:
                kept[arn] = {"Policy": json.dumps(document), "RevisionId": "of-the-template"}
            else:
                kept.pop(arn, None)
            return answer

        return make

    dynamodb.table_policy_for_arn = policy_for_arn
    lookups["dynamodb"] = ("dynamodb", "table_policy_for_arn")
    handlers[kind] = {**handlers[kind], **{each: with_policy(handlers[kind][each]) for each in ("create", "update")}}
