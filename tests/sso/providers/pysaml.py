"""An independent SAML provider: pysaml2, whose signatures are made by libxmlsec1 (PyPI: xmlsec)."""

from __future__ import annotations

import base64
import html
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
import xmlsec
from cryptography.hazmat.primitives import serialization
from lxml import etree
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.authn_context import PASSWORDPROTECTEDTRANSPORT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAME_FORMAT_URI, NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.sigver import CryptoBackend

from tests.sso.providers.saml import HONEST, D, Identity

GROUPS = "urn:oid:1.3.6.1.4.1.5923.1.1.1.1"  # eduPersonAffiliation, as pysaml2 spells it
SHA256 = ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256")
SHA512 = ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", "http://www.w3.org/2001/04/xmlenc#sha512")
SHA1 = ("http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2000/09/xmldsig#sha1")


class LibXmlSec(CryptoBackend):
    """The library libxmlsec1 in place of the program xmlsec1, which a machine may not have."""

    def sign_statement(self, statement: Any, node_name: str, key_file: str, node_id: str) -> str:
        root = etree.fromstring(statement if isinstance(statement, bytes) else str(statement).encode())
        xmlsec.tree.add_ids(root, ["ID"])
        (signed,) = root.xpath("//*[@ID=$id]", id=node_id)
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_file(key_file, xmlsec.constants.KeyDataFormatPem)
        context.sign(signed.find(f"{D}Signature"))
        return etree.tostring(root).decode()


@dataclass
class PySaml:
    """A provider for ``serving``. ``service``: the metadata of the service provider that it knows. ``publishes``: the
    identities whose certificates its metadata contain. ``remembers``: seconds since the user was authenticated, unless
    it is asked to do so again."""

    service: str = ""
    port: int = 0
    subject: str = "ann-at-pysaml"
    attributes: dict[str, list[str]] = field(
        default_factory=lambda: {
            "mail": ["ann@acme.example"],
            "displayName": ["Ann Example"],
            "eduPersonAffiliation": ["all", "staff"],
        }
    )
    signer: Identity = field(default_factory=lambda: HONEST)
    publishes: list[Identity] = field(default_factory=lambda: [HONEST])
    signs: str = "assertion"  # or "response", "both", "nothing"
    algorithms: tuple[str, str] = SHA256  # of the signature, of the digest
    remembers: int = 3600
    stops: Callable[[], None] = lambda: None
    _files: Any = field(default_factory=tempfile.TemporaryDirectory)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def entity(self) -> str:
        return f"{self.address}/entity"

    def logs_in(self, location: str) -> dict[str, str]:
        """The form that the browser posts, for where it was sent."""
        page = requests.get(location, timeout=10)
        assert page.status_code == 200, page.text
        found = dict(re.findall(r'name="(SAMLResponse|RelayState)"\s+value="([^"]*)"', page.text))
        return {name: html.unescape(value) for name, value in found.items()}

    def answers(self, method: str, path: str, form: dict[str, str], headers: Any) -> tuple[int, bytes]:
        if path == "/metadata":
            config = self._config()
            config.xmlsec_binary = None  # it would be asked what it can sign with
            return 200, str(entity_descriptor(config)).encode()
        if path == "/sso":
            return (200, self._page(form)) if "SAMLRequest" in form else (400, b"there is no request")
        return 404, b""

    def _page(self, form: dict[str, str]) -> bytes:
        server = Server(config=self._config())
        server.sec.crypto = LibXmlSec()
        request = server.parse_authn_request(form["SAMLRequest"], BINDING_HTTP_REDIRECT).message
        asked = server.response_args(request)
        seen = datetime.now(UTC) - timedelta(seconds=0 if request.force_authn == "true" else self.remembers)
        response = server.create_authn_response(
            self.attributes,
            userid=self.subject,
            name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text=self.subject),
            authn={"class_ref": PASSWORDPROTECTEDTRANSPORT, "authn_instant": int(seen.timestamp())},
            sign_assertion=self.signs in ("assertion", "both"),
            sign_response=self.signs in ("response", "both"),
            sign_alg=self.algorithms[0],
            digest_alg=self.algorithms[1],
            **{name: value for name, value in asked.items() if name != "binding"},
        )
        told = server.apply_binding(
            BINDING_HTTP_POST, str(response), asked["destination"], form.get("RelayState", ""), response=True
        )
        return str(told["data"]).encode()

    def _config(self) -> IdPConfig:
        config = IdPConfig()
        config.load(
            {
                "entityid": self.entity,
                "xmlsec_binary": sys.executable,  # it wants a program that exists; LibXmlSec takes its place
                "key_file": self._key(),
                "cert_file": self._certificate(self.publishes[0]),
                "additional_cert_files": [self._certificate(each) for each in self.publishes[1:]],
                "metadata": {"inline": [self.service]} if self.service else {},
                "service": {
                    "idp": {
                        "endpoints": {"single_sign_on_service": [(f"{self.address}/sso", BINDING_HTTP_REDIRECT)]},
                        "policy": {"default": {"name_form": NAME_FORMAT_URI, "lifetime": {"minutes": 5}}},
                        "name_id_format": [NAMEID_FORMAT_PERSISTENT],
                    }
                },
            }
        )
        return config

    def _key(self) -> str:
        return self._file(
            "key",
            self.signer,
            self.signer.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            ),
        )

    def _certificate(self, whose: Identity) -> str:
        return self._file("cert", whose, whose.certificate.public_bytes(serialization.Encoding.PEM))

    def _file(self, kind: str, whose: Identity, content: bytes) -> str:
        file = Path(self._files.name) / f"{kind}-{id(whose)}.pem"
        file.write_bytes(content)
        return str(file)


def document_of(posted: dict[str, str]) -> bytes:
    return base64.b64decode(posted["SAMLResponse"])
