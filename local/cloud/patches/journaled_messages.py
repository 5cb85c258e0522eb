"""Messages of queues go into the journal before a sender is answered, and so do those that other services put there.

Many services of the emulator change a queue's list of messages in place. Here a queue notes each access to its members, its list notes
what is put into it or taken out, and what has changed is found by comparing the messages with those that are in the journal. (The emulator
itself looks at all of them on each receive.)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from local.cloud.durability import store
from local.cloud.durability.changes import CHANGES, Described
from local.cloud.durability.journal import Record
from local.cloud.durability.replay import Replayed
from local.cloud.patches import expect, require

Key = tuple[str, str, str]
_COUNTERS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass
class _Written:
    """A queue as it is in the journal: without messages, message id → what changes of a message, and deduplication entries."""

    bare: str = ""
    states: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    dedup: dict[str, Any] = field(default_factory=dict)


_written: dict[Key, _Written] = {}
"""By account, region and URL."""


class _Messages(list[Any]):
    """A list that notes its changes after they were made: a thread may change it long after it has got it from its queue."""

    def __init__(self, messages: Iterable[Any], key: Key) -> None:
        super().__init__(messages)
        self.key = key


def _noting(method: Callable[..., Any]) -> Callable[..., Any]:
    def noting(self: _Messages, *arguments: Any) -> Any:
        answer = method(self, *arguments)
        CHANGES.mark_changed("queue", *self.key)
        return answer

    return noting


for _name in ("append", "extend", "insert", "remove", "pop", "clear", "__setitem__", "__delitem__", "__iadd__"):
    setattr(_Messages, _name, _noting(getattr(list, _name)))


class _Queue(dict[str, Any]):
    def __init__(self, queue: dict[str, Any], key: Key) -> None:
        super().__init__(queue)
        self.key = key
        super().__setitem__("messages", _Messages(queue.get("messages", ()), key))

    def __getitem__(self, name: str) -> Any:
        CHANGES.mark_changed("queue", *self.key)
        return super().__getitem__(name)

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, _Messages(value, self.key) if name == "messages" else value)
        CHANGES.mark_changed("queue", *self.key)


def apply() -> None:
    from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
    from ministack.services import sqs

    class Queues(AccountRegionScopedDict):  # type: ignore[misc]
        def __setitem__(self, url: str, queue: dict[str, Any]) -> None:
            self.set_scoped(get_account_id(), get_region(), url, queue)

        def set_scoped(self, account: str, region: str, url: str, queue: dict[str, Any]) -> None:
            super().set_scoped(account, region, url, _Queue(queue, (account, region, url)))
            CHANGES.mark_changed("queue", account, region, url)

        def update(self, other: Any) -> None:
            for key, queue in other._data.items():
                account, region, url = key
                self.set_scoped(account, region, url, queue)

        def pop(self, url: str, *default: Any) -> Any:
            return self.pop_scoped(get_account_id(), get_region(), url, *default)

        def pop_scoped(self, account: str, region: str, url: str, *default: Any) -> Any:
            queue = super().pop_scoped(account, region, url, *default)
            CHANGES.mark_changed("queue", account, region, url)
            return queue

        def __delitem__(self, url: str) -> None:
            self.pop(url)

    expect(type(require(sqs, "_queues")) is AccountRegionScopedDict, "sqs._queues")
    sqs._queues = Queues()
    CHANGES.describe("queue", _changes)
    store.keep("sqs", {"queues": None, "queue_name_to_url": None}, _snapshot, _restore)


def _changes(account: str, region: str, url: str) -> Described | None:
    from ministack.services import sqs

    key = account, region, url
    queue = sqs._queues.get_scoped(*key)
    if queue is None:
        return ["queue", *key, None], lambda: _forget(key)
    known = _written.get(key) or _Written()
    messages = tuple(dict.get(queue, "messages", ()))  # at once: threads of the emulator change the list
    states = known.states
    changed = [message for message in messages if states.get(message["id"]) != _changing(message)]
    new = sum(message["id"] not in states for message in changed)
    gone = list(states.keys() - {message["id"] for message in messages}) if len(states) + new != len(messages) else []
    bare, dedup = _rest(queue)
    new_dedup = {name: entry for name, entry in dedup.items() if known.dedup.get(name) != entry}
    if known.bare == bare and not changed and not gone and not new_dedup:
        return None
    now = {message["id"]: _changing(message) for message in changed}
    record = {"queue": json.loads(bare), "messages": changed, "gone": gone, "dedup": new_dedup}

    def written() -> None:
        known.bare, known.dedup = bare, dedup
        states.update(now)
        for identity in gone:
            del states[identity]
        _written[key] = known

    return ["queue", *key, record], written


def _forget(key: Key) -> None:
    _written.pop(key, None)


def _changing(message: dict[str, Any]) -> tuple[Any, ...]:
    """What changes of a message after it was sent."""
    return message["visible_at"], message["receive_count"], message["receipt_handle"], message.get("enqueued_at")


def _rest(queue: _Queue) -> tuple[str, dict[str, Any]]:
    """The queue without its messages, and its deduplication entries."""
    members = {name: value for name, value in queue.items() if name not in ("messages", "dedup_cache")}
    members["attributes"] = {name: value for name, value in members["attributes"].items() if name not in _COUNTERS}
    return json.dumps(members, sort_keys=True), dict(dict.get(queue, "dedup_cache") or {})


def _snapshot() -> Iterator[list[Record]]:
    from ministack.services import sqs

    for key, queue in sqs._queues.all_items():
        bare, dedup = _rest(queue)
        messages = dict.get(queue, "messages", [])
        yield [["queue", *key, {"queue": json.loads(bare), "messages": messages, "gone": [], "dedup": dedup}]]


def _restore(data: dict[str, Any], replayed: Replayed) -> None:
    from ministack.core.responses import AccountRegionScopedDict

    if not replayed.queues:
        return
    queues = AccountRegionScopedDict()
    for key, queue in replayed.queues.items():
        queues.set_scoped(*key, {**queue, "messages": list(queue["messages"].values())})
    data["queues"] = queues
    for key, queue in queues.all_items():
        bare, dedup = _rest(queue)
        _written[key] = _Written(bare, {message["id"]: _changing(message) for message in queue["messages"]}, dedup)
