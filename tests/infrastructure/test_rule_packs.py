"""The rule packs AwsSolutions and HIPAA Security (cdk-nag) find nothing that is not suppressed with a reason, and
every suppression is needed."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import aws_cdk
import cdk_nag
import pytest

from cdk import app as deployment
from cdk import nag_suppressions, specs
from cdk.config import Config, load
from tests.infrastructure.conftest import PRODUCTION, an_app
from tests.infrastructure.synthesized import HOME

REGION = HOME
Findings = set[tuple[str, str]]  # rule, path of the construct


def _findings(out: Path, layer_source: Any) -> tuple[Config, Findings]:
    """All findings of the packs in one region. (The others have the same stacks: test_stacks.py.)"""
    app, context = an_app(out, PRODUCTION, REGION)
    config = load(context)
    deployment.build(app, config, layer_source=layer_source)
    packs = (cdk_nag.AwsSolutionsChecks(app), cdk_nag.HIPAASecurityChecks(app))
    aws_cdk.Validations.of(app).add_plugins(*packs)
    with suppress(RuntimeError):  # that there are findings; the report says which
        app.synth()
    report = json.loads((out / "validation-report.json").read_text())
    return config, {
        (violation["ruleName"], construct["constructPath"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    }


@pytest.fixture(autouse=True)
def validated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CDK_VALIDATION", raising=False)


@pytest.fixture(scope="module")
def without_acknowledgements(
    tmp_path_factory: pytest.TempPathFactory, layers_of_nothing: Any
) -> tuple[Config, Findings]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CDK_VALIDATION", raising=False)
        patch.setattr(nag_suppressions, "acknowledge", lambda *_: None)
        return _findings(tmp_path_factory.mktemp("findings"), layers_of_nothing)


def test_no_finding_is_left_unacknowledged(tmp_path: Path, layers_of_nothing: Any) -> None:
    _, findings = _findings(tmp_path, layers_of_nothing)
    assert not findings


def test_the_packs_do_look(without_acknowledgements: tuple[Config, Findings]) -> None:
    rules = {rule for rule, _ in without_acknowledgements[1]}
    assert {"AwsSolutions-APIG2", "HIPAA.Security-LambdaInsideVPC"} <= rules


def _entries(config: Config) -> list[tuple[str, nag_suppressions.Acknowledgement]]:
    functions = specs.discover()
    parts = {
        "data": nag_suppressions.for_data(config, REGION, functions),
        "api": nag_suppressions.for_api(config, REGION, functions),
        "workflows": nag_suppressions.for_workflows(),
    }
    return [(f"docplatform-{part}-{REGION}", entry) for part, entries in parts.items() for entry in entries]


def test_no_acknowledgement_has_outlived_its_finding(without_acknowledgements: tuple[Config, Findings]) -> None:
    config, findings = without_acknowledgements
    for stack, entry in _entries(config):
        place = f"{stack}/{entry.place}/"
        needed = any(rule == entry.finding and f"{path}/".startswith(place) for rule, path in findings)
        assert needed, f"{entry.finding} at {place} is found no more"


def test_every_acknowledgement_says_why(without_acknowledgements: tuple[Config, Findings]) -> None:
    for _, entry in _entries(without_acknowledgements[0]):
        assert len(entry.reason.split()) >= 5, entry
