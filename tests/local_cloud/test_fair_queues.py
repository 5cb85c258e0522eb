"""A noisy group of a standard queue does not keep the others waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.aws import client
from local.cloud.patches.fair_queues import _Consumption, chosen
from local.settings import LocalSettings
from local.testing import Cloud, empty_cloud
from tests.local_cloud.lambdas import HERE, deployed, packed

NOW = 1_000.0


def waiting(*groups: str, sent_at: float = NOW - 1) -> list[dict[str, Any]]:
    """Messages of the groups, in the order of sending; ``-`` for one without a group."""
    return [
        {"id": f"{group}{number}", "group_id": None if group == "-" else group, "sent_at": sent_at + number / 1_000}
        for number, group in enumerate(groups)
    ]


def order(messages: list[dict[str, Any]], consumption: _Consumption, most: int = 10) -> str:
    return "".join(each["group_id"] or "-" for each in chosen(messages, consumption, most, NOW))


def in_flight(**counts: int) -> _Consumption:
    """Since this moment, so that nobody has taken time yet."""
    return _Consumption({f"{group}-{n}": (NOW, group) for group, count in counts.items() for n in range(count)})


def test_without_a_noisy_group_the_order_is_that_of_sending() -> None:
    assert order(waiting(*"aabac"), _Consumption()) == "aabac"


def test_a_group_with_many_messages_in_flight_is_noisy() -> None:
    assert order(waiting(*"aab-"), in_flight(a=30)) == "b-aa"
    assert order(waiting(*"aab-"), in_flight(a=29)) == "aab-"
    assert order(waiting(*"aab-"), in_flight(a=30, b=300)) == "aa-b"


def test_a_group_that_took_much_time_is_noisy() -> None:
    slow = _Consumption({}, deque([(NOW - 10, "a", 60.0), (NOW - 10, "b", 6.0)]))
    assert order(waiting(*"aab"), slow) == "baa"
    both = _Consumption({"a-1": (NOW - 60, "a")}, deque([(NOW - 10, "b", 7.0)]))
    assert order(waiting(*"abab"), both) == "baba"


def test_time_of_long_ago_is_forgotten() -> None:
    assert order(waiting(*"aab"), _Consumption({}, deque([(NOW - 301, "a", 60.0)]))) == "aab"


def test_of_noisy_groups_the_one_with_the_fewest_in_flight_comes_first() -> None:
    assert order(waiting(*"aaaabbbb"), in_flight(a=32, b=30), most=6) == "bbabab"


def test_a_group_that_has_sent_nothing_for_five_minutes_is_quiet() -> None:
    old, new = waiting(*"aa", sent_at=NOW - 400), waiting("b")
    assert order([*old, *new], in_flight(a=50)) == "aab"


def test_noisy_messages_fill_what_quiet_ones_leave() -> None:
    assert order(waiting(*"aaab"), in_flight(a=30), most=2) == "ba"
    assert order(waiting(*"aaa"), in_flight(a=30), most=2) == "aa"
    assert order([], in_flight(a=30)) == ""


# -- the emulator


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalSettings]:
    with empty_cloud() as settings:
        yield settings


def sent(queues: Any, name: str, *groups: str | None) -> str:
    """The address of a new queue with a message of each group, in this order."""
    url = str(queues.create_queue(QueueName=name)["QueueUrl"])
    for number in range(0, len(groups), 10):
        queues.send_message_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(n), "MessageBody": group or "none"} | ({"MessageGroupId": group} if group else {})
                for n, group in enumerate(groups[number : number + 10])
            ],
        )
    return url


def received(queues: Any, url: str, most: int = 10) -> list[dict[str, Any]]:
    return list(queues.receive_message(QueueUrl=url, MaxNumberOfMessages=most).get("Messages", ()))


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return [each["Body"] for each in messages]


@pytest.mark.slow
def test_quiet_messages_do_not_wait_behind_noisy_ones(cloud: LocalSettings) -> None:
    queues = client(cloud, "sqs", HERE)
    url = sent(queues, "fair", *["noisy"] * 30, "quiet", None, "another")
    assert bodies(received(queues, url)) == ["noisy"] * 10  # so far nothing is known of anybody
    assert bodies(received(queues, url)) == ["quiet", "none", "another", *["noisy"] * 7]
    assert len(received(queues, url)) == 10
    assert bodies(received(queues, url)) == ["noisy"] * 3
    assert received(queues, url) == []


@pytest.mark.slow
def test_what_was_processed_counts_too(cloud: LocalSettings) -> None:
    queues = client(cloud, "sqs", HERE)
    url = sent(queues, "processed", *["noisy"] * 20, "quiet")
    for delete in ("one by one", "in a batch"):
        batch = received(queues, url, 3)
        entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(batch)]
        if delete == "in a batch":
            assert bodies(batch) == ["quiet", "noisy", "noisy"]
            queues.delete_message_batch(QueueUrl=url, Entries=entries)
        else:
            for each in entries:
                queues.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    queues.send_message(QueueUrl=url, MessageBody="new", MessageGroupId="new")
    assert bodies(received(queues, url, 1)) == ["new"]


@pytest.mark.slow
def test_a_queue_without_groups_and_one_with_order_stay_as_they_are(cloud: LocalSettings) -> None:
    queues = client(cloud, "sqs", HERE)
    url = sent(queues, "plain", *[None] * 12)
    assert (len(received(queues, url)), len(received(queues, url))) == (10, 2)
    ordered = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = queues.create_queue(QueueName="ordered.fifo", Attributes=ordered)["QueueUrl"]
    for number in range(3):
        queues.send_message(QueueUrl=url, MessageBody=str(number), MessageGroupId="it")
    assert bodies(received(queues, url, 1)) == ["0"]
    assert received(queues, url, 1) == []  # until the first of its group is done


@pytest.mark.slow
def test_a_function_gets_quiet_messages_first(cloud: LocalSettings, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    code = (
        "def handler(event, context):\n"
        f"    with open({str(notes)!r}, 'a') as notes:\n"
        "        record = event['Records'][0]\n"
        "        at = record['attributes']['ApproximateFirstReceiveTimestamp']\n"
        "        notes.write(at + ' ' + record['body'] + '\\n')\n"
    )
    deployed(cloud, "consumer", "handler.handler", packed("handler.py", code))
    queues = client(cloud, "sqs", HERE)
    url = sent(queues, "consumed", *["noisy"] * 12, "quiet")
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client(cloud, "lambda", HERE).create_event_source_mapping(EventSourceArn=arn, FunctionName="consumer", BatchSize=1)
    Cloud.eventually(lambda: notes.exists() and len(notes.read_text().splitlines()) == 13)
    by_receipt = sorted(notes.read_text().splitlines())  # calls run beside each other and end in any order
    assert ["quiet" in line for line in by_receipt].index(True) < 6
