"""What the OpenAPI document says is what happens: schemathesis calls every operation with thousands of valid and invalid requests, and
goes on with what the answers name. No server error, no status, header, media type or body that the document does not have.

``CONTRACT_SECONDS=600 ./dp test tests/e2e/test_contract.py`` looks longer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from local.settings import ROOT
from local.testing import Cloud
from tests.e2e.client import create_tenant
from tests.e2e.conftest import US

SECONDS = os.environ.get("CONTRACT_SECONDS", "60")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
LEFT_OUT = {
    "^/operator": "signed by SigV4",
    "^/v1/sessions|/sessions|^/v1/users/.*/mfa$": "the run would end the session that it runs with",
    "^/v1/sso/login$": "503, as documented, where the provider that the run has just connected is not there",
    "^/v1/auth/(login|logout)$": "the same, and a lock-out of the address for everybody after",
}


def test_the_api_is_as_its_document_says(cloud: Cloud, tmp_path: Path) -> None:
    home = create_tenant(cloud, US, "enterprise")
    address = f"127.0.0.1:{cloud.ports[US]}"
    report = tmp_path / "report.json"
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", str(ROOT / "docs/openapi.json")]
    command += ["--url", f"http://{address}", "--phases", "examples,coverage,fuzzing,stateful", "--max-time", SECONDS]
    command += ["--header", f"Host: {home.site.subdomain}.localhost:{cloud.ports[US]}"]
    command += ["--header", f"Authorization: Bearer {home.admin.token}"]
    command += ["--generation-deterministic", "--no-shrink", "--continue-on-failure", "--max-examples", "6"]
    command += ["--warnings", "off", "--no-color", "--checks", ",".join(CHECKS)]
    command += ["--exclude-path-regex", "|".join(LEFT_OUT), "--report", "json", "--report-json-path", str(report)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=int(SECONDS) + 400)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert json.loads(report.read_text())
    assert home.admin.asks("GET", "/v1/me").status_code == 200, "it was somebody to the end"
