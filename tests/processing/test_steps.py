"""How the steps of the workflow tell their outcomes in the log: what a user's file causes is no error of the platform."""

from __future__ import annotations

import json
from typing import Any

import pytest

from docplatform.core.actor import system
from docplatform.core.errors import TenantNotFound
from docplatform.extraction.model import FileRejected, RejectionReason
from docplatform.extraction.sandbox import ParserFault, ReaderUnavailable
from docplatform.library.errors import DocumentNotFound
from docplatform.processing.pipeline import Superseded
from tests.support.mocked_aws import Cloud, function
from tests.support.mocked_region import sample

STEPS = {"verify": "verify", "extract": "extract", "preview": "preview"}


class Raising:
    """A processing service, all of whose steps raise ``error``."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def step(*_: object) -> None:
            raise self._error

        return step


@pytest.fixture
def run(region: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a step whose service raises an error; returns the log lines."""
    tenant = region.tenant("acme").tenant
    monkeypatch.setattr(
        function("processing", "step"), "system_actor", lambda _, purpose, request: system(tenant, purpose, request)
    )
    given = sample(
        "workflow-step",
        TENANT=tenant.id,
        DOCUMENT="doc_01m83gqsf9bafswwtw7dk31ryr",
        VERSION="ver_01m83gqsf9af5vhyvhmg4ddfcy",
    )

    def run(step: str, error: Exception, *, raised: bool = True) -> list[dict[str, Any]]:
        module = function("processing", step)
        monkeypatch.setattr(module, "processing", lambda _: Raising(error))
        capsys.readouterr()
        if raised:
            with pytest.raises(type(error)):
                module.handler(given, None)
        else:
            assert module.handler(given, None) == {"has_preview": False}
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


@pytest.mark.parametrize("reason", RejectionReason)
@pytest.mark.parametrize("step", STEPS)
def test_a_refused_file_is_one_line_of_information_with_the_code(run: Any, step: str, reason: RejectionReason) -> None:
    (line,) = run(step, FileRejected(reason, cause="place:1"))
    assert (line["level"], line["problem"], line["cause"]) == ("INFO", reason.code, "place:1")
    assert not {"error", "where", "exception"} & line.keys()


@pytest.mark.parametrize("outcome", [Superseded(""), DocumentNotFound(""), TenantNotFound("")])
def test_what_the_workflow_expects_is_no_error(run: Any, outcome: Any) -> None:
    (line,) = run("verify", outcome)
    assert (line["level"], line["problem"]) == ("INFO", outcome.code)


@pytest.mark.parametrize("error", [ParserFault("import of x was refused"), ReaderUnavailable("x"), RuntimeError()])
@pytest.mark.parametrize("step", ["verify", "extract"])
def test_a_fault_of_ours_is_an_error_with_its_place(run: Any, step: str, error: Exception) -> None:
    (line,) = run(step, error)
    assert (line["level"], line["error"]) == ("ERROR", type(error).__name__)
    assert line["where"]


def test_a_fault_in_a_preview_is_an_error_and_costs_the_preview_only(run: Any) -> None:
    (line,) = run("preview", ParserFault("x"), raised=False)
    assert (line["level"], line["error"]) == ("ERROR", "ParserFault")
