"""Honest requests against the managed rules of the firewall, by the patterns that AWS publishes for them
(docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html).

AWS keeps the rules themselves to itself: on an account, the firewall's log is read before the first customer (docs/operations.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

import pytest

from tests.infrastructure.synthesized import HOME, Assembly

_SCHEMES = r"(?:https?|ftps?|file)://"
PATTERNS = {
    "GenericLFI": r"\.\./\.\./|\.\.\\\.\.\\",
    "GenericRFI": rf"{_SCHEMES}\d{{1,3}}(?:\.\d{{1,3}}){{3}}",
    "RestrictedExtensions": r"\.(?:log|ini|conf|cfg|bak|sql|swp|key|pem|env)\b",
    "EC2MetaDataSSRF": r"169\.254\.169\.254",
    "CrossSiteScripting": r"<\s*(?:script|img|svg|iframe)\b|javascript:|\bon(?:error|load|click)\s*=",
    "Log4JRCE": r"\$\{jndi:",
    "JavaDeserializationRCE": r"java\.lang\.Runtime|getRuntime\(\)",
    "ExploitablePaths": r"web-inf|/\.git/|phpmyadmin",
    "UserAgent_BadBots": r"nessus|nmap|sqlmap|nikto",
}
BODY_LIMIT, QUERY_LIMIT, COOKIE_LIMIT, PATH_LIMIT = 8_192, 2_048, 10_240, 1_024  # bytes
PARTS = {
    "GenericLFI": ("QUERYARGUMENTS", "URIPATH", "BODY"),
    "GenericRFI": ("QUERYARGUMENTS", "URIPATH", "BODY"),
    "RestrictedExtensions": ("QUERYARGUMENTS", "URIPATH"),
    "EC2MetaDataSSRF": ("QUERYARGUMENTS", "URIPATH", "BODY", "COOKIE"),
    "CrossSiteScripting": ("QUERYARGUMENTS", "URIPATH", "BODY", "COOKIE"),
    "Log4JRCE": ("QUERYSTRING", "URIPATH", "BODY", "HEADER"),
    "JavaDeserializationRCE": ("QUERYSTRING", "URIPATH", "BODY", "HEADER"),
    "ExploitablePaths": ("URIPATH",),
    "UserAgent_BadBots": ("HEADER",),
}


@dataclass(frozen=True)
class Asked:
    path: str
    query: str = ""
    body: str = ""
    cookie: str = ""
    agent: str = "acme-import/1.0"
    method: str = "POST"

    def part(self, name: str) -> str:
        arguments = " ".join(value for _, value in parse_qsl(self.query))
        parts = {"QUERYARGUMENTS": arguments, "QUERYSTRING": arguments, "URIPATH": self.path, "BODY": self.body}
        return {**parts, "COOKIE": self.cookie, "HEADER": self.agent}[name]

    @property
    def hits(self) -> set[str]:
        """The rules that see something in this request."""
        found = {
            f"{rule}_{part}"
            for rule, parts in PARTS.items()
            for part in parts
            if re.search(PATTERNS[rule], self.part(part), re.IGNORECASE)
        }
        sizes = {
            "SizeRestrictions_BODY": len(self.body) > BODY_LIMIT,
            "SizeRestrictions_QUERYSTRING": len(self.query) > QUERY_LIMIT,
            "SizeRestrictions_Cookie_HEADER": len(self.cookie) > COOKIE_LIMIT,
            "SizeRestrictions_URIPATH": len(self.path) > PATH_LIMIT,
            "NoUserAgent_HEADER": not self.agent,
            "PROPFIND_METHOD": self.method == "PROPFIND",
        }
        return found | {rule for rule, exceeded in sizes.items() if exceeded}


WORDS = [
    "error.log", "php.ini", "backup.sql", "server.key", ".env file", "nginx.conf", "vacation policy", "Q3 <script> review",
    "<img src=x onerror=alert(1)>", "javascript: guide", "onclick= handlers", "../../etc/passwd", "..\\..\\windows", "C:\\Users\\ann",
    "http://10.0.0.1/wiki", "https://192.0.2.7/report", "file://127.0.0.1/share", "169.254.169.254", "${jndi:ldap://x}",
    "java.lang.Runtime", "getRuntime().exec", "SELECT * FROM users", "1=1 OR", "O'Brien", "50% off", "a&b",
    "Müller & Söhne", "契約書", "договор", "عقد",
]  # fmt: skip
NAMES = [
    "error.log", "my.ini", "dump.sql", "<draft> contract.docx", "notes on <script>.md", "../../ a joke.txt", "http://10.0.0.1.webloc",
    "metadata 169.254.169.254.pdf", "Log4Shell ${jndi:ldap://x}.pdf", "java.lang.Runtime.md", "invoice 2026-03.pdf", "Ø.pdf",
]  # fmt: skip
DOCUMENT = "doc_01m83gqsf9bafswwtw7dk31ryr"
HONEST = [
    *(Asked("/v1/search", query=f"q={re.sub('[%&+#]', ' ', each)}", method="GET") for each in WORDS),
    *(Asked("/v1/search", body=f'{{"query": "{each}"}}') for each in WORDS),
    *(Asked("/v1/documents", body=f'{{"name": "{each}", "size": 5, "content_type": "text/plain"}}') for each in NAMES),
    *(Asked(f"/v1/documents/{DOCUMENT}", body=f'{{"name": "{each}"}}', method="PATCH") for each in NAMES),
    Asked("/v1/sso/oidc/callback", query=f"code={'c' * 2_500}&state=s", method="GET", cookie="sso=" + "x" * 200),
    Asked("/v1/sso/saml/acs", body="SAMLResponse=" + "P" * 20_000),
    Asked("/v1/sso-connection", body='{"issuer": "https://192.0.2.7/issuer"}', method="PUT"),
    Asked(
        "/scim/v2/Users", query='filter=userName eq "ann@acme.example"', method="GET", agent="Okta SCIM Client 1.0.0"
    ),
    Asked("/scim/v2/Groups/x", body='{"Operations": [' + '{"op": "add"},' * 1_000 + "]}", method="PATCH"),
    Asked(f"/v1/documents/{DOCUMENT}/content", method="GET", agent=""),
]
"""At least 60: searches both ways, names, sign-in, provisioning, programs without a user agent."""

DISHONEST = [
    (Asked("/v1/../../etc/passwd"), "GenericLFI_URIPATH"),
    (Asked("/v1/config.ini"), "RestrictedExtensions_URIPATH"),
    (Asked("/WEB-INF/web.xml"), "ExploitablePaths_URIPATH"),
    (Asked("/v1/health", agent="sqlmap/1.7"), "UserAgent_BadBots_HEADER"),
    (Asked("/v1/health", agent="${jndi:ldap://x}"), "Log4JRCE_HEADER"),
    (Asked("/v1/health", cookie="a=<script>"), "CrossSiteScripting_COOKIE"),
    (Asked("/v1/health", method="PROPFIND"), "PROPFIND_METHOD"),
    (Asked("/v1/health", cookie="a" * 11_000), "SizeRestrictions_Cookie_HEADER"),
]


@pytest.fixture(scope="module")
def counted(production: Assembly) -> set[str]:
    """The rules that the template changes from blocking to counting. All others block."""
    groups = [each["Statement"] for each in production.stack("api", HOME).one("AWS::WAFv2::WebACL")["Rules"]]
    overrides = [
        override
        for each in groups
        for override in each.get("ManagedRuleGroupStatement", {}).get("RuleActionOverrides", ())
    ]
    assert all(each["ActionToUse"] == {"Count": {}} for each in overrides)
    return {each["Name"] for each in overrides}


def test_there_are_honest_requests_enough() -> None:
    assert len(set(HONEST)) >= 60


@pytest.mark.parametrize("asked", HONEST, ids=range(len(HONEST)))
def test_an_honest_request_is_not_blocked(counted: set[str], asked: Asked) -> None:
    assert asked.hits - counted == set()


def test_no_rule_counts_without_an_honest_request_that_it_hits(counted: set[str]) -> None:
    assert counted == {rule for asked in HONEST for rule in asked.hits}


@pytest.mark.parametrize(("asked", "rule"), DISHONEST)
def test_what_no_honest_client_sends_is_blocked(counted: set[str], asked: Asked, rule: str) -> None:
    assert rule in asked.hits - counted
