"""The API behaves as its OpenAPI document says: schemathesis calls every operation with thousands of valid and invalid requests, and
goes on with the ids in the answers. No server error, no status, header, media type or body that the document does not have.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from local.settings import ROOT
from local.testing import Cloud
from tests.e2e.client import FRESH, Session, create_tenant
from tests.e2e.conftest import US
from tests.support.scale import SCALE, SEED

SECONDS = str(60 * SCALE)
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
    session = create_tenant(cloud, US, "enterprise").admin.session
    url, host = f"http://127.0.0.1:{cloud.ports[US]}", f"{session.site.subdomain}.localhost:{cloud.ports[US]}"
    kept, report = tmp_path / "session.json", tmp_path / "report.json"
    kept.write_text(json.dumps({"url": url, "host": host, "seconds": FRESH, "tokens": session.tokens}))
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(ROOT / "docs/openapi.json"), "--url", url]
    command += ["--header", f"Host: {host}", "--phases", "examples,coverage,fuzzing,stateful", "--max-time", SECONDS]
    command += [f"--seed={SEED}", "--no-shrink", "--continue-on-failure", "--max-examples", "6"]
    command += ["--warnings", "off", "--no-color", "--checks", ",".join(CHECKS)]
    command += ["--exclude-path-regex", "|".join(LEFT_OUT), "--report", "json", "--report-json-path", str(report)]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.e2e.contract_token", "CONTRACT_SESSION": str(kept), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | hooks,
        capture_output=True,
        text=True,
        timeout=int(SECONDS) + 900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert json.loads(report.read_text())
    last = Session(session.site, json.loads(kept.read_text())["tokens"])
    assert last.asks("GET", "/v1/me").status_code == 200, "the session lived to the end"
