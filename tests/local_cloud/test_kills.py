"""A local cloud that is killed loses nothing that it has answered."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from local import mails, supervisor
from local.aws import client
from local.settings import ACCOUNT, HOME, LocalSettings
from local.testing import Cloud, empty_cloud
from tests.local_cloud.test_patches import followed_table, function, noted
from tests.support.scale import SEED

pytestmark = pytest.mark.slow
KILLS, WORKERS, MOST = 10, 3, 60
MAIL = {"Subject": {"Data": "told"}, "Body": {"Text": {"Data": "it"}}}


@dataclass
class Known:
    """What a worker was told. ``values``: name → value; ``possible``: names whose last change was not answered, with both values."""

    values: dict[str, Any] = field(default_factory=dict)
    possible: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def allowed(self, name: str) -> tuple[Any, ...]:
        return self.possible.get(name) or (self.values.get(name),)


class Worker:
    """Makes random changes to things of its own, one after the other, and notes what was answered."""

    def __init__(self, settings: LocalSettings, number: int, answered: Callable[[], None]) -> None:
        self.random, self.known, self._answered = random.Random(f"{SEED} {number}"), Known(), answered
        self.number, self._count = number, 0
        self.error: Exception | None = None
        names = ("dynamodb", "s3", "sqs", "lambda", "sesv2", "scheduler", "sts")
        self.database, self.storage, self.queues, self.functions, self.mail, self.schedules, self.tokens = (
            client(settings, name, HOME) for name in names
        )
        self.keys, self.secrets = client(settings, "kms", HOME), client(settings, "secretsmanager", HOME)
        self.own_keys: dict[str, str] = {}
        self.queue = self.queues.create_queue(QueueName=f"queue-{number}")["QueueUrl"]

    def run(self, stop: threading.Event) -> None:
        changes = (
            *[self.put, self.update, self.delete, self.transact, self.store, self.discard, self.send, self.take] * 3,
            *(self.invoke, self.write_mail, self.schedule, self.assume),
            *(self.make_key, self.disable_key, self.keep_secret),
        )
        while not stop.is_set():
            try:
                self.random.choice(changes)()
            except (BotoCoreError, ClientError, ResponseParserError) as error:
                self.error = (
                    None if stop.is_set() else error
                )  # the cloud was killed, in the middle of an answer perhaps
                return
            self._answered()

    def _change(self, change: Callable[..., Any], changed: dict[str, Any], **request: Any) -> Any:
        for name, value in changed.items():
            self.known.possible[name] = (self.known.values.get(name), value)
        answer = change(**request)
        for name, value in changed.items():
            self.known.possible.pop(name)
            self.known.values[name] = value
        return answer

    def _new(self) -> str:
        self._count += 1
        return f"{self.number}-{self._count}"

    def _item(self) -> str:
        return f"item {self.number}-{self.random.randrange(8)}"

    def put(self) -> None:
        name, value = self._item(), self._new()
        self._change(self.database.put_item, {name: value}, TableName="followed", Item=item(name, value))

    def update(self) -> None:
        name, value = self._item(), self._new()
        request = {"UpdateExpression": "SET v = :v", "ExpressionAttributeValues": {":v": {"S": value}}}
        self._change(self.database.update_item, {name: value}, TableName="followed", Key={"pk": {"S": name}}, **request)

    def delete(self) -> None:
        name = self._item()
        self._change(self.database.delete_item, {name: None}, TableName="followed", Key={"pk": {"S": name}})

    def transact(self) -> None:
        names, value = sorted({self._item(), self._item(), self._item()}), self._new()
        writes = [{"Put": {"TableName": "followed", "Item": item(name, value)}} for name in names]
        self._change(self.database.transact_write_items, dict.fromkeys(names, value), TransactItems=writes)

    def store(self) -> None:
        name, value = f"object {self.number}-{self.random.randrange(4)}", self._new()
        body = f"{value} ".encode() * self.random.choice((1, 50_000))
        self._change(self.storage.put_object, {name: value}, Bucket="objects", Key=name, Body=body)

    def discard(self) -> None:
        name = f"object {self.number}-{self.random.randrange(4)}"
        self._change(self.storage.delete_object, {name: None}, Bucket="objects", Key=name)

    def send(self) -> None:
        value = self._new()
        self._change(self.queues.send_message, {f"message {value}": value}, QueueUrl=self.queue, MessageBody=value)

    def take(self) -> None:
        """Receives a message and deletes it."""
        for message in self.queues.receive_message(QueueUrl=self.queue).get("Messages", ()):
            handle = message["ReceiptHandle"]
            name = f"message {message['Body']}"
            self._change(self.queues.delete_message, {name: None}, QueueUrl=self.queue, ReceiptHandle=handle)

    def invoke(self) -> None:
        value = self._new()
        request = {"InvocationType": "Event", "Payload": json.dumps({"number": value}).encode()}
        self._change(self.functions.invoke, {f"event {value}": value}, FunctionName="listener", **request)

    def write_mail(self) -> None:
        value = self._new()
        to = {"ToAddresses": [f"{value}@docplatform.example"]}
        sender = "from@docplatform.example"
        self._change(
            self.mail.send_email,
            {f"mail {value}": value},
            FromEmailAddress=sender,
            Destination=to,
            Content={"Simple": MAIL},
        )

    def schedule(self) -> None:
        value = self._new()
        target = {"Arn": f"arn:aws:sqs:{HOME}:{ACCOUNT}:told", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/listener"}
        request = {
            "ScheduleExpression": "at(2099-01-01T00:00:00)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": target,
        }
        self._change(self.schedules.create_schedule, {f"schedule {value}": value}, Name=value, **request)

    def assume(self) -> None:
        value = self._new()
        role = f"arn:aws:iam::{ACCOUNT}:role/listener"
        made = self._change(self.tokens.assume_role, {}, RoleArn=role, RoleSessionName=value)["Credentials"]
        self.known.values[f"session {value}"] = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]

    def make_key(self) -> None:
        """Makes a key, and encrypts something with it."""
        value = self._new()
        made = self._change(self.keys.create_key, {f"key {value}": "Enabled"}, Description=value)
        self.own_keys[f"key {value}"] = key = made["KeyMetadata"]["KeyId"]
        self.known.values[f"ciphertext {value}"] = self.keys.encrypt(KeyId=key, Plaintext=value.encode())[
            "CiphertextBlob"
        ]

    def disable_key(self) -> None:
        if self.own_keys:
            name = self.random.choice(list(self.own_keys))
            self._change(self.keys.disable_key, {name: "Disabled"}, KeyId=self.own_keys[name])

    def keep_secret(self) -> None:
        name, value = f"secret-{self.number}-{self.random.randrange(3)}", self._new()
        if name in self.known.values:
            self._change(self.secrets.put_secret_value, {name: value}, SecretId=name, SecretString=value)
        else:
            self._change(self.secrets.create_secret, {name: value}, Name=name, SecretString=value)


def item(name: str, value: str) -> dict[str, Any]:
    return {"pk": {"S": name}, "v": {"S": value}}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalSettings, Path, Path]]:
    folder = tmp_path_factory.mktemp("notes")
    told, followed = folder / "told", folder / "followed"
    with empty_cloud() as settings:
        function(settings, "listener", "", told)
        followed_table(settings, "followed", function(settings, "follower", "", followed))
        client(settings, "s3", HOME).create_bucket(Bucket="objects")
        versions = {"Status": "Enabled"}
        client(settings, "s3", HOME).put_bucket_versioning(Bucket="objects", VersioningConfiguration=versions)
        client(settings, "sqs", HOME).create_queue(QueueName="told")
        client(settings, "sesv2", HOME).create_email_identity(EmailIdentity="from@docplatform.example")
        yield settings, told, followed


def test_ten_kills_lose_nothing_that_was_answered(cloud: tuple[LocalSettings, Path, Path]) -> None:
    settings, told, followed = cloud
    moments = random.Random(SEED)
    known: list[Known] = []
    for number in range(KILLS):
        workers = run_until_killed(settings, number, answers=moments.randrange(5, MOST))
        known += [worker.known for worker in workers]
        supervisor.start(settings)
        assert wrong(settings, known[-WORKERS:]) == []
        leave_open(known[-WORKERS:])
    everything = {name: value for each in known for name, value in each.values.items()}
    assert wrong_messages(settings, everything) == []
    events = {value for name, value in everything.items() if name.startswith("event ")}
    Cloud.eventually(lambda: events <= {each["number"] for each in noted(told)})
    changed = {name for name, value in everything.items() if name.startswith("item ") and value}
    Cloud.eventually(lambda: changed <= {key for event in noted(followed) for key in keys_of(event)})


def keys_of(event: dict[str, Any]) -> list[str]:
    return [record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]]


def run_until_killed(settings: LocalSettings, number: int, *, answers: int) -> list[Worker]:
    """Kills the cloud, while others wait for theirs, as soon as it has given that many answers."""
    lock, stop, count = threading.Lock(), threading.Event(), 0
    process = supervisor.running(settings)

    def answered() -> None:
        nonlocal count
        with lock:
            count += 1
            if count == answers:
                stop.set()
                os.kill(process, signal.SIGKILL)

    workers = [Worker(settings, number * WORKERS + each, answered) for each in range(WORKERS)]
    threads = [threading.Thread(target=worker.run, args=(stop,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [worker.error for worker in workers if worker.error] == []
    supervisor.kill(settings)  # waits for its end
    return workers


def leave_open(known: list[Known]) -> None:
    """Drops what may be so or so: later checks are about what was answered."""
    for each in known:
        for name in each.possible:
            each.values.pop(name, None)
        each.possible.clear()


def wrong(settings: LocalSettings, known: list[Known]) -> list[str]:
    """What is not as it was answered."""
    found = {
        **{
            each["pk"]["S"]: each["v"]["S"]
            for each in client(settings, "dynamodb", HOME).scan(TableName="followed")["Items"]
        },
        **objects(settings),
        **messages(settings),
        **{f"schedule {each['Name']}": each["Name"] for each in schedules(settings)},
        **{f"mail {name}": name for mail in mails.sent(settings) for name in [mail["To"][0].partition("@")[0]]},
        **keys(settings),
        **secrets(settings),
    }
    lost = []
    for each in known:
        for name in {**each.values, **each.possible}:
            if name.startswith("session "):
                client(settings, "sts", HOME, each.values[name]).get_caller_identity()
            elif name.startswith("ciphertext "):
                value = name.removeprefix("ciphertext ")
                if found.get(f"key {value}") == "Enabled":
                    plain = client(settings, "kms", HOME).decrypt(CiphertextBlob=each.values[name])["Plaintext"]
                    assert plain == value.encode()
            elif not name.startswith("event ") and found.get(name) not in each.allowed(name):
                lost.append(f"{name}: {found.get(name)}, and not {each.allowed(name)}")
    return lost


def wrong_messages(settings: LocalSettings, everything: dict[str, Any]) -> list[str]:
    found = messages(settings)
    return [
        name for name, value in everything.items() if name.startswith("message ") and (name in found) != bool(value)
    ]


def objects(settings: LocalSettings) -> dict[str, str]:
    storage = client(settings, "s3", HOME)
    found = {}
    for each in storage.list_objects_v2(Bucket="objects").get("Contents", ()):
        words = storage.get_object(Bucket="objects", Key=each["Key"])["Body"].read().decode().split()
        assert len(set(words)) == 1
        found[each["Key"]] = words[0]
    return found


def messages(settings: LocalSettings) -> dict[str, str]:
    with urllib.request.urlopen(f"{settings.endpoint}/_ministack/sqs/messages", timeout=30) as answer:
        text = json.load(answer)

    def bodies(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for key, each in value.items():
                yield from [each] if key in ("body", "Body") else bodies(each)
        elif isinstance(value, list):
            for each in value:
                yield from bodies(each)

    return {f"message {body}": body for body in bodies(text)}


def schedules(settings: LocalSettings) -> list[dict[str, Any]]:
    pages = client(settings, "scheduler", HOME).get_paginator("list_schedules").paginate()
    return [each for page in pages for each in page["Schedules"]]


def keys(settings: LocalSettings) -> dict[str, str]:
    """The state of each key, by what it is called in ``Known``."""
    kms = client(settings, "kms", HOME)
    found = [each["KeyId"] for page in kms.get_paginator("list_keys").paginate() for each in page["Keys"]]
    told = [kms.describe_key(KeyId=each)["KeyMetadata"] for each in found]
    return {f"key {each['Description']}": each["KeyState"] for each in told}


def secrets(settings: LocalSettings) -> dict[str, str]:
    manager = client(settings, "secretsmanager", HOME)
    pages = manager.get_paginator("list_secrets").paginate()
    names = [each["Name"] for page in pages for each in page["SecretList"]]
    return {name: manager.get_secret_value(SecretId=name)["SecretString"] for name in names}
