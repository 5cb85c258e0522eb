"""The batch operations of SQS are asked for by the permission of the single one
(docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html)."""

from __future__ import annotations

from typing import Any

from local.cloud.patches import require

_SINGLE = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def apply() -> None:
    from ministack.core import iam_actions

    known = require(iam_actions, "extract_iam_action")

    def action(*given: Any, **more: Any) -> Any:
        found = known(*given, **more)
        return _SINGLE.get(found, found)

    iam_actions.extract_iam_action = action
