"""The checks of an account: each one passes in a healthy account, and finds its own fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk import account_checks, specs
from cdk.account_checks import CHECKS, Account
from cdk.config import load
from tests.infrastructure.conftest import PRODUCTION, context
from tests.infrastructure.synthesized import ACCOUNT, HOME

CONFIG = load(context(PRODUCTION))
(REGION,) = [each for each in CONFIG.regions if each.name == HOME]
TRAIL = {"TrailARN": "arn:trail", "IsMultiRegionTrail": True, "HomeRegion": "eu-west-1"}
NAMES = [REGION.domain, REGION.live_domain]


def refused(**_: Any) -> Any:
    raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Operation")


class Service:
    """A client that answers what it is given: operation → answer, or a function."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        answer = self._answers[operation]
        return answer if callable(answer) else lambda **_: answer

    def get_paginator(self, operation: str) -> Any:
        pages = [self._answers[operation]]
        return type("Pages", (), {"paginate": lambda _, **__: iter(pages)})()


def healthy() -> dict[str, dict[str, Any]]:
    return {
        "cloudtrail": {
            "describe_trails": {"trailList": [TRAIL]},
            "get_trail_status": {"IsLogging": True},
            "get_event_selectors": {"EventSelectors": [{"IncludeManagementEvents": True, "ReadWriteType": "All"}]},
        },
        "cloudformation": {"describe_stacks": {"Stacks": [{"StackStatus": "UPDATE_COMPLETE"}]}},
        "dynamodb": {
            "describe_table": {"Table": {"DeletionProtectionEnabled": True}},
            "get_item": refused,
            "scan": refused,
            "execute_statement": refused,
        },
        "lambda": {
            "get_account_settings": {"AccountLimit": {"ConcurrentExecutions": 2_000}},
            "get_function_configuration": {"State": "Active"},
        },
        "s3": {"list_objects_v2": refused},
        "kms": {"generate_data_key": refused},
        "sts": {"assume_role": refused},
        "sesv2": {
            "get_account": {"ProductionAccessEnabled": True},
            "get_email_identity": {"VerifiedForSendingStatus": True},
        },
        "acm": {"describe_certificate": {"Certificate": {"Status": "ISSUED", "SubjectAlternativeNames": NAMES}}},
        "sns": {
            "list_subscriptions_by_topic": {"Subscriptions": [{"SubscriptionArn": f"arn:aws:sns:{HOME}:{ACCOUNT}:x"}]}
        },
        "logs": {"describe_log_groups": {"logGroups": [{"logGroupName": "a", "retentionInDays": 365}]}},
    }


def wrong(answers: dict[str, dict[str, Any]], status: int = 200) -> dict[str, str]:
    account = Account(CONFIG, REGION, lambda service: Service(answers[service]), lambda _: status)
    return {name: what for name, what in account_checks.run(account) if what}


def test_nothing_is_wrong_in_a_healthy_account() -> None:
    assert wrong(healthy()) == {}


FAULTS: list[tuple[str, str, str, Any]] = [
    ("trail", "cloudtrail", "describe_trails", {"trailList": []}),
    ("trail", "cloudtrail", "describe_trails", {"trailList": [{**TRAIL, "IsMultiRegionTrail": False}]}),
    ("trail", "cloudtrail", "get_trail_status", {"IsLogging": False}),
    ("trail", "cloudtrail", "get_event_selectors",
     {"EventSelectors": [{"IncludeManagementEvents": True, "ReadWriteType": "WriteOnly"}]}),
    ("stacks", "cloudformation", "describe_stacks", {"Stacks": [{"StackStatus": "UPDATE_ROLLBACK_COMPLETE"}]}),
    ("protection", "dynamodb", "describe_table", {"Table": {}}),
    ("concurrency", "lambda", "get_account_settings", {"AccountLimit": {"ConcurrentExecutions": 10}}),
    ("functions", "lambda", "get_function_configuration", {"State": "Failed"}),
    ("perimeter", "dynamodb", "get_item", {}),
    ("perimeter", "dynamodb", "scan", {}),
    ("perimeter", "dynamodb", "execute_statement", {}),
    ("perimeter", "s3", "list_objects_v2", {}),
    ("perimeter", "kms", "generate_data_key", {}),
    ("perimeter", "sts", "assume_role", {}),
    ("mail", "sesv2", "get_account", {"ProductionAccessEnabled": False}),
    ("mail", "sesv2", "get_email_identity", {"VerifiedForSendingStatus": False}),
    ("certificate", "acm", "describe_certificate", {"Certificate": {"Status": "PENDING_VALIDATION"}}),
    ("certificate", "acm", "describe_certificate",
     {"Certificate": {"Status": "ISSUED", "SubjectAlternativeNames": NAMES[:1]}}),
    ("alarms", "sns", "list_subscriptions_by_topic", {"Subscriptions": [{"SubscriptionArn": "PendingConfirmation"}]}),
    ("log groups", "logs", "describe_log_groups", {"logGroups": [{"logGroupName": "API-Gateway-Execution-Logs_x/live"}]}),
]  # fmt: skip


@pytest.mark.parametrize(("check", "service", "operation", "answer"), FAULTS)
def test_a_fault_is_found_by_its_check_and_no_other(check: str, service: str, operation: str, answer: Any) -> None:
    answers = healthy()
    answers[service][operation] = answer
    assert set(wrong(answers)) == {check}


@pytest.mark.parametrize("status", [0, 403, 421, 500])
def test_an_api_that_does_not_answer_is_found(status: int) -> None:
    assert set(wrong(healthy(), status)) == {"health"}


def test_every_check_has_a_fault_that_it_finds() -> None:
    assert {check for check, *_ in FAULTS} | {"health"} == set(CHECKS)


def test_a_call_that_is_refused_or_unknown_is_wrong_too() -> None:
    answers = healthy()
    answers["cloudformation"]["describe_stacks"] = refused
    assert wrong(answers) == {"stacks": "Operation: AccessDeniedException"}


def test_selectors_in_their_advanced_form_are_read() -> None:
    answers = healthy()
    management: list[dict[str, Any]] = [{"Field": "eventCategory", "Equals": ["Management"]}]
    answers["cloudtrail"]["get_event_selectors"] = {"AdvancedEventSelectors": [{"FieldSelectors": management}]}
    assert wrong(answers) == {}
    writes = [*management, {"Field": "readOnly", "Equals": ["false"]}]
    answers["cloudtrail"]["get_event_selectors"] = {"AdvancedEventSelectors": [{"FieldSelectors": writes}]}
    assert set(wrong(answers)) == {"trail"}


def _functions() -> Iterator[str]:
    yield from (each.spec.name for each in specs.discover())


def test_every_function_is_looked_at() -> None:
    seen: list[str] = []
    answers = healthy()

    def configuration(*, FunctionName: str) -> dict[str, str]:
        seen.append(FunctionName.removeprefix("docplatform-"))
        return {"State": "Active"}

    answers["lambda"]["get_function_configuration"] = configuration
    assert wrong(answers) == {}
    assert seen == list(_functions())
