"""The log line of a request or event: its members, and data that it never contains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from typing import Any

import pytest

from docplatform.core.errors import NotFound
from docplatform.core.tenant import enter_tenant
from docplatform.http.router import Router
from docplatform.runtime.metrics import Metric, count
from docplatform.runtime.telemetry import LogRecord, add_error
from docplatform.runtime.triggers import event_handler
from tests.support.mocked_aws import ROOT
from tests.support.tenants import a_tenant

ACME = a_tenant(1)
EVENT = {"httpMethod": "GET", "path": "/v1/thing", "requestContext": {"requestId": "request-7"}}
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def router(call: Any) -> Router:
    made = Router()
    made.get("/v1/thing", status=204, errors=(NotFound,))(call)
    return made


def test_a_request_is_one_line_with_everything_that_an_operator_asks_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)

    def thing() -> None:
        enter_tenant(ACME)

    router(thing).handler(EVENT, None)
    (line,) = lines(capsys)
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() is not None
    assert line.pop("duration_ms") >= 0
    assert isinstance(line.pop("cold_start"), bool)
    assert line == {
        "level": "INFO",
        "service": "docplatform",
        "event": "request",
        "request_id": "request-7",
        "route": "GET /v1/thing",
        "status": 204,
        "tenant_id": "t000000000001",
        "xray_trace_id": "1-5759e988-bd862e3fe1be46a994272793",
    }


def test_an_unexpected_error_is_its_class_and_place_and_nothing_that_it_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def thing() -> None:
        raise RuntimeError("Ann's contract")

    router(thing).handler(EVENT, None)
    out = capsys.readouterr().out
    line = json.loads(out)
    assert (line["level"], line["error"], line["status"]) == ("ERROR", "RuntimeError", 500)
    assert line["where"][-1].startswith("test_telemetry.py:")
    assert "contract" not in out


def test_a_record_that_fails_alone_says_so_in_the_line_of_its_event(capsys: pytest.CaptureFixture[str]) -> None:
    @event_handler("queue")
    def handler(event: object) -> None:
        try:
            raise OSError("Ann's file")
        except OSError as error:
            add_error(error)

    handler({}, None)
    out = capsys.readouterr().out
    assert (json.loads(out)["level"], json.loads(out)["error"]) == ("ERROR", "OSError")
    assert "file" not in out.replace("test_telemetry", "")


def test_what_is_not_json_is_told_by_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    line = LogRecord("event", "request-1")
    line.add(odd={1}, lone="\ud800")
    line.write()
    (told,) = lines(capsys)
    assert (told["odd"], told["lone"]) == ("{1}", "\ud800")


def test_metrics_travel_in_the_line_of_their_request(capsys: pytest.CaptureFixture[str]) -> None:
    def thing() -> None:
        count(Metric.SEARCHES)
        count(Metric.SEARCHES)

    router(thing).handler(EVENT, None)
    (line,) = lines(capsys)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "docplatform",
        "Dimensions": [["service"]],
        "Metrics": [{"Name": "Searches", "Unit": "Count"}],
    }
    assert (line["Searches"], line["service"], line["route"]) == ([1, 1], "docplatform", "GET /v1/thing")


def test_metrics_are_not_lost_when_the_event_fails(capsys: pytest.CaptureFixture[str]) -> None:
    @event_handler("step")
    def handler(event: object) -> None:
        count(Metric.DOCUMENTS_READY)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        handler({}, None)
    (line,) = lines(capsys)
    assert (line["level"], line["DocumentsReady"]) == ("ERROR", [1])


def test_a_warm_environment_forgets_the_metrics_and_the_tenant_of_the_event_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def thing() -> None:
        enter_tenant(ACME)
        count(Metric.SEARCHES)

    def refused() -> None:
        raise NotFound

    router(thing).handler(EVENT, None)
    router(refused).handler(EVENT, None)
    router(lambda: None).handler(EVENT, None)
    first, second, third = lines(capsys)
    assert "Searches" in first and "Searches" not in second
    assert (second["Refusals"], second["code"], second["tenant_id"]) == ([1], "not_found", "")
    assert "_aws" not in third and "Refusals" not in third


def test_two_values_of_a_dimension_are_two_lines_that_do_not_mix(capsys: pytest.CaptureFixture[str]) -> None:
    line = LogRecord("event", "request-1")
    count(Metric.REFUSALS, by="not_found")
    count(Metric.REFUSALS, by="forbidden")
    line.write()
    first, second = lines(capsys)
    assert [(each["code"], each["Refusals"]) for each in (first, second)] == [("not_found", [1]), ("forbidden", [1])]
    assert "request_id" not in second


@pytest.mark.parametrize("value", ["", "doc_01m83gqsf9bafswwtw7dk31ryr", "Ann", "ann@acme.example", "a" * 51])
def test_what_is_of_no_vocabulary_is_counted_as_other(capsys: pytest.CaptureFixture[str], value: str) -> None:
    line = LogRecord("event", "request-1")
    count(Metric.REFUSALS, by=value)
    line.write()
    (told,) = lines(capsys)
    assert told["code"] == "other"


def test_outside_an_event_nothing_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    from contextvars import Context

    Context().run(count, Metric.SEARCHES)
    assert capsys.readouterr().out == ""


def test_a_function_tells_its_name_and_its_cold_start_once() -> None:
    program = (
        "from docplatform.runtime.metrics import Metric, count\n"
        "from docplatform.runtime.telemetry import LogRecord\n"
        "for number in (1, 2):\n"
        "    line = LogRecord('request', str(number)); count(Metric.SEARCHES); line.write()\n"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "layers/platform/python"),
        "POWERTOOLS_SERVICE_NAME": "search",
        "AWS_LAMBDA_FUNCTION_NAME": "docplatform-search",
    }
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    first, second = [json.loads(line) for line in told.stdout.splitlines()]
    assert (first["service"], first["function"]) == ("search", "docplatform-search")
    assert [first["cold_start"], second["cold_start"]] == [True, False]
    assert told.stderr == ""


def test_the_garbage_collector_is_off_until_a_functions_first_event_and_nowhere_else() -> None:
    program = (
        "import gc\n"
        "from docplatform.runtime.telemetry import LogRecord\n"
        "before = gc.isenabled(), gc.get_freeze_count() > 0\n"
        "LogRecord('request', '1')\n"
        "print(*before, gc.isenabled(), gc.get_freeze_count() > 0)\n"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "layers/platform/python")}
    for more, expected in (
        ({}, ["True", "False", "True", "False"]),
        ({"AWS_LAMBDA_FUNCTION_NAME": "docplatform-search"}, ["False", "False", "True", "True"]),
    ):
        done = subprocess.run([sys.executable, "-c", program], env=environment | more, capture_output=True, text=True)
        assert done.stdout.split() == expected, done.stderr
