"""The adversary (tests/isolation/adversary.py) against the running platform, as eight tenants in three regions.

Afterwards everything that the platform has written meanwhile is searched: logs, mails, the audit trail, the histories of workflows.
A run with the same seed plays the same game.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, seed, settings

from local.testing import Cloud
from tests.e2e.client import ANSWER, Member, TenantSite, create_tenant, fetch, live, send
from tests.e2e.conftest import APAC, EU, US
from tests.isolation.adversary import MOVES, STEPS, Game, Step, Told, plays
from tests.support.scale import SCALE, SEED

OPERATIONS = 400 * SCALE
TENANTS = (
    *((US, "standard"), (US, "standard"), (US, "enterprise")),
    *((EU, "professional"), (EU, "standard"), (EU, "enterprise")),
    *((APAC, "standard"), (APAC, "professional")),
)
PLAY = settings(
    deadline=None,
    database=None,
    max_examples=max(1, OPERATIONS // STEPS),
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class OverHttp:
    site: TenantSite
    canary: str

    @property
    def tenant_id(self) -> str:
        return self.site.id

    def asks(self, method: str, path: str, body: object = None, query: dict[str, str] | None = None) -> Told:
        answer = self.member.asks(method, path, json=body, params=query)
        return self._told(answer, self._behind(answer))

    def stores(self, body: dict[str, Any], content: bytes) -> Told:
        answer = self.member.asks("POST", "/v1/documents", json=body)
        if answer.status_code == 201:
            assert send(answer.json()["upload"], content).status_code == 200
        return self._told(answer)

    def knocks(self, other: OverHttp) -> Told:
        return self._told(other.member.site.ask("GET", "/v1/folders/root/children", token=self.member.token))

    @property
    def member(self) -> Member:
        return self.site.admin

    def _behind(self, answer: requests.Response) -> str:
        """The content behind a link in the answer."""
        try:
            link = answer.json()
        except ValueError:
            return ""
        if not isinstance(link, dict) or not isinstance(link.get("url"), str):
            return ""
        if link["url"].startswith("ws"):
            with live(self.member.site, link["url"]) as socket:
                socket.send(self.canary)
                return str(socket.recv(timeout=ANSWER))
        return fetch(link).decode(errors="replace")

    @staticmethod
    def _told(answer: requests.Response, behind: str = "") -> Told:
        return Told(answer.status_code, answer.text + behind, answer.headers)


@pytest.fixture(scope="module")
def began() -> int:
    return int(time.time() * 1000)


@pytest.fixture(scope="module")
def game(cloud: Cloud, began: int) -> Game:
    made = [create_tenant(cloud, region, plan) for region, plan in TENANTS]
    return Game([OverHttp(each, each.site.subdomain) for each in made])


@pytest.mark.timeout(max(1800, 4 * OPERATIONS))  # seconds
def test_nobody_is_told_anything_of_anybody_else(
    game: Game, cloud: Cloud, record_property: Callable[[str, object], None]
) -> None:
    game.opens()

    @seed(SEED)
    @PLAY
    @given(plays(len(game.hands), list(MOVES)))
    def round_(steps: list[Step]) -> None:
        for step in steps:
            game.plays(step)
        print(f"{game.done} of {OPERATIONS}", flush=True)  # -s shows it

    round_()
    assert game.done >= OPERATIONS
    record_property("operations", game.done)
    for hand in game.hands:  # each finds its own, and nothing else
        content = b"the last ledger"
        body = {"name": f"{hand.player.canary} last.txt", "size": len(content), "content_type": "text/plain"}
        assert hand.player.stores({**body, "folder_id": "root"}, content).status == 201
        cloud.eventually(
            lambda hand=hand: hand.player.canary in hand.player.asks("GET", "/v1/search", None, {"q": "ledger"}).text
        )
        game.check(
            hand.player, hand.player.asks("GET", "/v1/search", None, {"q": "ledger", "limit": "50"}), "at the end"
        )


def lines_of(cloud: Cloud, region: str, since: int) -> Iterator[str]:
    logs = cloud.root("logs", region)
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            for events in logs.get_paginator("filter_log_events").paginate(
                logGroupName=group["logGroupName"], startTime=since
            ):
                yield from (event["message"] for event in events["events"])


def test_no_line_of_any_log_holds_a_name(game: Game, cloud: Cloud, began: int) -> None:
    canaries = [hand.player.canary for hand in game.hands]
    seen = 0
    for region in (US, EU, APAC):
        for line in lines_of(cloud, region, began):
            seen += 1
            assert not [each for each in canaries if each in line], line
    assert seen > game.done, "there is a line for each request"


def test_no_mail_names_another_organisation(game: Game, cloud: Cloud) -> None:
    canaries = [hand.player.canary for hand in game.hands]
    read = 0
    for mail in cloud.mailbox():
        named = [each for each in canaries if each in json.dumps(mail)]
        read += len(named)
        assert len(named) <= 1, mail
        assert not named or all(named[0] in each for each in mail["To"]), mail
    assert read >= len(canaries)


def test_neither_audit_trail_nor_workflow_holds_a_name(game: Game, cloud: Cloud) -> None:
    canaries = [hand.player.canary for hand in game.hands]
    written = []
    for region in (US, EU, APAC):
        for page in cloud.root("dynamodb", region).get_paginator("scan").paginate(TableName="docplatform-audit"):
            written += page["Items"]
        states = cloud.root("stepfunctions", region)
        for machine in states.list_state_machines()["stateMachines"]:
            runs = states.get_paginator("list_executions").paginate(stateMachineArn=machine["stateMachineArn"])
            for run in (each for page in runs for each in page["executions"]):
                history = states.get_paginator("get_execution_history").paginate(executionArn=run["executionArn"])
                written += [event for page in history for event in page["events"]]
    text = json.dumps(written, default=str)
    assert not [each for each in canaries if each in text]
    assert all(hand.player.tenant_id in text for hand in game.hands)
