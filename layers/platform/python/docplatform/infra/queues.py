"""Standard queues of SQS whose messages have groups: SQS takes the groups in turn
(docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class NotQueued(RuntimeError):
    """SQS has refused some messages of a batch. The text has its codes."""


class SqsQueues:
    def __init__(self, client: Any) -> None:
        self._client = client

    def send(self, queue_url: str, bodies: Mapping[str, str]) -> None:
        """Put up to ten messages on a queue in one call. The name of each is its group. Raises NotQueued."""
        entries = [
            {"Id": str(number), "MessageBody": body, "MessageGroupId": group}
            for number, (group, body) in enumerate(bodies.items())
        ]
        answer = self._client.send_message_batch(QueueUrl=queue_url, Entries=entries)
        if failed := answer.get("Failed"):
            raise NotQueued(", ".join(sorted({each["Code"] for each in failed})))
