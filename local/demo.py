"""Three demo tenants on three plans in three regions, with people and realistic documents, created through the HTTP API alone."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import requests

from local import mails, operators
from local.cloud.patches.resource_types import ACCEPTED
from local.demo_data import library
from local.settings import HOME, LocalSettings
from local.supervisor import snapshot

PASSWORD = "correct horse battery staple"
TENANTS = (
    ("acme", "Acme Inc.", "enterprise", "us-east-1"),
    ("globex", "Globex GmbH", "professional", "eu-central-1"),
    ("initech", "Initech Pte. Ltd.", "standard", "ap-southeast-1"),
)
NOT_EMULATED = (
    *ACCEPTED.values(),
    "GuardDuty: its scanner knows the EICAR test file and files with a password, and answers at once; only uploads are scanned",
    "collection groups: capacity limits limit nothing",
    "network policies of collections are not checked",
    "encryption at rest and TLS: policies are enforced, but data is stored and sent unencrypted",
    "Lambda: x86-64 and this machine's Python instead of arm64 and 3.13; memory limits, 6 MB payloads",
    "WebSocket: AWS ends a connection after two hours, or ten silent minutes",
    "Step Functions: an execution that runs fails when the cloud stops; no redrive, ItemBatcher or ResultWriter (comes with bulk changes)",
    "schedules: a flexible time window fires at its start; the role of a universal target is not checked",
    "the clock of ./dp clock: this machine, the search server and clients keep their own time",
    "traces: ten a second are kept, and a twentieth of the others; the records of a table's stream begin a new one",
    "alarms: they see the metrics that functions log, and few of AWS's own; a metric without data moves none; nobody is notified",
    "signatures: the region and the service that they name are not compared with the address",
    "S3: lifecycle rules delete nothing; small parts are taken; checksums of parts are composite (comes with large files)",
    "KMS: grants give nothing; a key stays pending when its waiting period is over (comes with keys of a tenant's own)",
    "DynamoDB: exports write nothing, policies of tables are not checked, no request is throttled (comes with exports of a tenant)",
    "AWS Backup: jobs run; restores and vault locks are missing (comes with the recovery of a region)",
)


LOCAL_SEARCH = "OpenSearch Serverless: a search server on tantivy answers the subset that the platform uses"
REAL_SEARCH = (
    "OpenSearch Serverless: a real OpenSearch answers, with no aliases, templates, mget, msearch or points in time"
)
"""Which of the two serves is kept with the state."""


@dataclass(frozen=True)
class DemoTenant:
    subdomain: str
    plan: str
    region: str
    people: dict[str, str]  # role → e-mail


def tenants_of(settings: LocalSettings) -> list[DemoTenant]:
    """The tenants that an earlier call of ``seed`` finished."""
    file = settings.state / "demo.json"
    return [DemoTenant(**each) for each in json.loads(file.read_text())] if file.exists() else []


def seed(settings: LocalSettings) -> list[DemoTenant]:
    """Creates the tenants that are missing. Raises RuntimeError with the platform's answer when a request is refused."""
    done = {tenant.subdomain: tenant for tenant in tenants_of(settings)}
    missing = [each for each in TENANTS if each[0] not in done]
    with ThreadPoolExecutor(len(TENANTS)) as pool:
        seeded = list(pool.map(lambda each: _seed(settings, *each), missing))
    tenants = [*done.values(), *seeded]
    if seeded:
        snapshot(settings)  # so that the file is right after a ``kill -9``
        (settings.state / "demo.json").write_text(json.dumps([asdict(tenant) for tenant in tenants], indent=1))
    return tenants


def _seed(settings: LocalSettings, subdomain: str, name: str, plan: str, region: str) -> DemoTenant:
    people = {role: f"{role}@{subdomain}.example" for role in ("admin", "editor", "viewer")}
    body = {"subdomain": subdomain, "name": name, "plan": plan, "admin_email": people["admin"]}
    site = _Site(settings, region, subdomain)
    created = operators.call(settings, region, "POST", "/operator/v1/tenants", body)
    while created.status_code == 201 and created.json()["status"] == "provisioning":
        created = operators.call(settings, region, "POST", "/operator/v1/tenants", body)
    if created.status_code == 201:
        site.accept(people["admin"])
    elif created.json().get("code") != "subdomain_taken":
        _check(created)
    admin = site.log_in(people["admin"])
    for role in ("editor", "viewer"):
        invited = site.call("POST", "/v1/users", admin, json={"email": people[role], "role": role})
        if invited.status_code == 201:
            site.accept(people[role])
        elif invited.json().get("code") != "email_taken":
            _check(invited)
    editor = site.log_in(people["editor"])
    pending = [
        document for folder, documents in library(name).items() for document in site.fill(folder, documents, editor)
    ]
    if region == HOME:  # for the lines to paste; the others' are processed while they are read
        site.wait(pending, editor)
    return DemoTenant(subdomain, plan, region, people)


@dataclass(frozen=True)
class _Site:
    """A tenant's address: requests go to loopback with the tenant's host name."""

    settings: LocalSettings
    region: str
    subdomain: str

    @property
    def _base(self) -> str:
        return f"http://127.0.0.1:{self.settings.region_ports[self.region]}"

    def call(self, method: str, path: str, token: str = "", **more: Any) -> requests.Response:
        headers = {"Host": f"{self.subdomain}.localhost:{self.settings.region_ports[self.region]}"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return requests.request(method, self._base + path, headers=headers, timeout=60, **more)

    def accept(self, email: str) -> None:
        body = {"token": _invitation(self.settings, email), "name": email.split("@")[0].title(), "password": PASSWORD}
        _check(self.call("POST", "/v1/auth/invitations/accept", json=body))

    def log_in(self, email: str) -> str:
        answer = _check(self.call("POST", "/v1/auth/login", json={"email": email, "password": PASSWORD}))
        return str(answer["access_token"])

    def fill(self, folder: str, documents: dict[str, tuple[str, bytes]], token: str) -> list[str]:
        """Returns the ids of the documents that were sent. Documents of an earlier call are left as they are."""
        made = self.call("POST", "/v1/folders", token, json={"name": folder})
        if made.status_code == 201:
            folder_id = made.json()["id"]
        else:
            listed = _check(self.call("GET", "/v1/folders/root/children", token, params={"limit": "100"}))
            folder_id = next(item["id"] for item in listed["items"] if item["name"] == folder)
        sent = []
        for name, (content_type, content) in documents.items():
            body = {"name": name, "folder_id": folder_id, "content_type": content_type, "size": len(content)}
            answer = self.call("POST", "/v1/documents", token, json=body)
            if answer.json().get("code") == "name_taken":
                continue
            upload = _check(answer)["upload"]
            stored = requests.request(
                upload["method"], upload["url"], headers=upload["headers"], data=content, timeout=60
            )
            if stored.status_code != 200:
                raise RuntimeError(f"the upload of {name} was refused: {stored.status_code} {stored.text[:300]}")
            sent.append(str(answer.json()["document"]["id"]))
        return sent

    def wait(self, document_ids: list[str], token: str) -> None:
        deadline = time.monotonic() + 120
        for document_id in document_ids:
            while True:
                document = _check(self.call("GET", f"/v1/documents/{document_id}", token))
                state = document["processing"]["state"]
                if state == "ready":
                    break
                if state == "failed" or time.monotonic() > deadline:
                    raise RuntimeError(f"{document['name']} of {self.subdomain} is {document['processing']}")
                time.sleep(0.2)


def _check(answer: requests.Response) -> dict[str, Any]:
    if answer.status_code >= 400:
        raise RuntimeError(
            f"{answer.request.method} {answer.request.path_url}: {answer.status_code} {answer.text[:500]}"
        )
    found: dict[str, Any] = answer.json() if answer.content else {}
    return found


def _invitation(settings: LocalSettings, email: str) -> str:
    """The token in the newest mail to that address."""
    for mail in reversed(mails.sent(settings)):
        found = re.search(r"token=([\w-]+)", mail["BodyText"]) if email in mail["To"] else None
        if found:
            return found[1]
    raise RuntimeError(f"no invitation came for {email}")


def show(settings: LocalSettings, tenants: list[DemoTenant]) -> None:
    """Prints the tenants' addresses, and commands to paste."""
    print("tenant     plan          region           address                        log in as")
    for tenant in tenants:
        address = settings.address(tenant.region, tenant.subdomain)
        print(
            f"{tenant.subdomain:10} {tenant.plan:13} {tenant.region:16} {address:30} {', '.join(tenant.people.values())}"
        )
    key, secret = operators.credentials(settings)
    us = settings.address("us-east-1", "acme")
    print(
        f"""
password of all: {PASSWORD}
mails:           ./dp mails
search:          {"a real OpenSearch" if settings.opensearch else "the local search server (./dp up --opensearch: a real OpenSearch)"}
operator:        curl -s --aws-sigv4 aws:amz:us-east-1:execute-api --user {key}:{secret} \\
                      -H 'Content-Type: application/json' {us}/operator/v1/tenants \\
                      -d '{{"subdomain":"umbrella","name":"Umbrella","plan":"standard","admin_email":"you@umbrella.example"}}'

try it:
  TOKEN=$(curl -s {us}/v1/auth/login -H 'Content-Type: application/json' \\
          -d '{{"email":"editor@acme.example","password":"{PASSWORD}"}}' | sed 's/.*"access_token":"\\([^"]*\\).*/\\1/')
  curl -s {us}/v1/folders/root/children -H "Authorization: Bearer $TOKEN"
  curl -s "{us}/v1/search?q=termination" -H "Authorization: Bearer $TOKEN"
  curl -s {settings.address("eu-central-1", "acme")}/v1/folders/root -H "Authorization: Bearer $TOKEN"     # the wrong region

docs/getting-started.md uploads a file of yours, step by step.

not emulated here (what has no "comes with" stays like this):"""
    )
    for line in (*NOT_EMULATED, REAL_SEARCH if settings.opensearch else LOCAL_SEARCH):
        print(f"  - {line}")
