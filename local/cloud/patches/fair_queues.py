"""Fair queues: a group that takes much of what consumers can do does not keep the others of a standard queue waiting.

A group is noisy when more than a tenth of the queue's messages in flight are its own, and at least 30; or when it took
more than a tenth of the consumers' recent time. Messages of other groups are received before its own; of several noisy
groups the one with the fewest in flight comes first. A group without waiting messages, or which has sent nothing for
five minutes, is not noisy. A message without a group is one of its own
(docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html).
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from local.cloud.patches import require

_SHARE, _AT_LEAST = 0.1, 30
_RECENT = 300.0  # seconds
_REMEMBERED = 10_000  # messages of a queue that were consumed lately

Message = dict[str, Any]


@dataclass
class _Consumption:
    """What consumers of a queue do, and have done lately."""

    begun: dict[str, tuple[float, str]] = field(default_factory=dict)
    """A message's id → when it was received, and its group."""
    done: deque[tuple[float, str, float]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    """When it ended, the group, and how long it took."""

    def settle(self, messages: Iterable[Message], now: float) -> None:
        """Notes what has ended: messages that are gone, and messages that nobody deleted in time."""
        until = {each["id"]: each["visible_at"] for each in messages if each["id"] in self.begun}
        for identity in [each for each in self.begun if until.get(each, 0.0) <= now]:
            begun, group = self.begun.pop(identity)
            ended = until.get(identity, now)
            self.done.append((ended, group, max(0.0, ended - begun)))


_consumption: defaultdict[str, _Consumption] = defaultdict(_Consumption)
"""By the queue's ARN."""


def apply() -> None:
    from ministack.services import sqs

    collect, handlers = require(sqs, "_collect_msgs"), require(sqs, "_HANDLERS")
    require(sqs, "_get_q")

    def collected(queue: dict[str, Any], most: int, timeout: int) -> list[Message]:
        now = time.time()
        waiting = [each for each in queue["messages"] if each["visible_at"] <= now]
        if queue["is_fifo"] or not any(each.get("group_id") for each in waiting):
            return list(collect(queue, most, timeout))
        consumption = _consumption[queue["attributes"]["QueueArn"]]
        consumption.settle(queue["messages"], now)
        received: list[Message] = collect({**queue, "messages": chosen(waiting, consumption, most, now)}, most, timeout)
        consumption.begun |= {each["id"]: (now, _group(each)) for each in received}
        return received

    def settling(delete: Any) -> Any:
        """The call that deletes messages, which notes afterwards how long they took."""

        def deleted(first: Any, second: Any) -> Any:
            answer = delete(first, second)
            queue = sqs._get_q(first.get("QueueUrl", second) if isinstance(first, dict) else first)
            consumption = _consumption.get(queue["attributes"]["QueueArn"])
            if consumption and consumption.begun:
                consumption.settle(queue["messages"], time.time())
            return answer

        return deleted

    sqs._collect_msgs = collected
    sqs._delete_messages_for_esm = settling(require(sqs, "_delete_messages_for_esm"))
    for action in ("DeleteMessage", "DeleteMessageBatch"):
        handlers[action] = settling(handlers[action])


def _group(message: Message) -> str:
    return str(message.get("group_id") or "\0" + message["id"])


def chosen(waiting: list[Message], consumption: _Consumption, most: int, now: float) -> list[Message]:
    """The messages to be received next, in this order."""
    in_flight = Counter(group for _, group in consumption.begun.values())
    sending = {_group(each) for each in waiting if each["sent_at"] > now - _RECENT}
    noisy = sending & (_by_number(in_flight) | _by_time(consumption, now))
    first = [each for each in waiting if _group(each) not in noisy][:most]
    left: defaultdict[str, deque[Message]] = defaultdict(deque)
    for message in waiting if len(first) < most else ():
        if _group(message) in noisy:
            left[_group(message)].append(message)
    while left and len(first) < most:
        group = min(left, key=lambda each: (in_flight[each], left[each][0]["sent_at"]))
        first.append(left[group].popleft())
        in_flight[group] += 1
        if not left[group]:
            del left[group]
    return first


def _by_number(in_flight: Counter[str]) -> set[str]:
    return {each for each, count in in_flight.items() if count >= _AT_LEAST and count > _SHARE * in_flight.total()}


def _by_time(consumption: _Consumption, now: float) -> set[str]:
    took: defaultdict[str, float] = defaultdict(float)
    for ended, group, seconds in list(consumption.done):
        if ended > now - _RECENT:
            took[group] += seconds
    for begun, group in list(consumption.begun.values()):
        took[group] += now - begun
    whole = sum(took.values())
    return {each for each, seconds in took.items() if seconds > _SHARE * whole}
