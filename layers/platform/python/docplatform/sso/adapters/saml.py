"""Sign-in with a SAML 2.0 provider: AuthnRequest by redirect, signed Response by POST (saml-profiles-2.0-os §4.1).

signxml verifies the signatures. Only the element that it returns as signed is read. This module checks that the
document has the form that an honest provider gives it, and that the assertion was made for this sign-in.
"""

from __future__ import annotations

import base64
import secrets
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import Certificate, load_der_x509_certificate
from defusedxml.lxml import fromstring
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

from docplatform.infra.outbound import OutboundHttp
from docplatform.sso.adapters.provider_http import ProviderHttp
from docplatform.sso.model import (
    DRIFT,
    AuthorizationRequest,
    Connection,
    DiagnosisStep,
    ExternalIdentity,
    ProviderRefused,
    ProviderUnavailable,
    SsoAttempt,
)

_SMALLEST_RSA_KEY = 2_048  # bits
_LARGEST = 256_000  # bytes of a response
_SIGNED = SignatureConfiguration(
    expect_references=1,
    signature_methods=frozenset({SignatureMethod.RSA_SHA256, SignatureMethod.RSA_SHA384, SignatureMethod.RSA_SHA512}),
    digest_algorithms=frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512}),
)
_NAMES = {
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
_EMAIL = (
    "email",
    "mail",
    "emailAddress",
    "urn:oid:0.9.2342.19200300.100.1.3",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
)
_NAME = (
    "name",
    "displayName",
    "urn:oid:2.16.840.1.113730.3.1.241",
    "http://schemas.microsoft.com/identity/claims/displayname",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
)


@dataclass(frozen=True, slots=True)
class _Described:
    """The provider's metadata. ``address``: its sign-on address; ``certificates``: DER in base64."""

    address: str
    certificates: list[str]


class SamlProvider:
    def __init__(self, connection: Connection, outbound: OutboundHttp, *, entity: str, acs: str) -> None:
        """``entity``: the platform's entity id. ``acs``: the platform's address that the provider posts its response
        to."""
        self._connection, self._outbound = connection, ProviderHttp(outbound)
        self._entity, self._acs = entity, acs

    def authorization_request(self, state: str, *, reauthenticate: bool) -> AuthorizationRequest:
        """Raises ProviderUnavailable."""
        described = self._describe()
        if self._connection.metadata:
            self._check_reachable(described.address)
        request = f"_{secrets.token_hex(20)}"
        asked = {"SAMLRequest": self._request(request, described.address, reauthenticate), "RelayState": state}
        joint = "&" if "?" in described.address else "?"
        address = f"{described.address}{joint}{urlencode(asked)}"
        return AuthorizationRequest(address, request, "", {"certificates": described.certificates})

    def _request(self, request: str, address: str, reauthenticate: bool) -> str:
        """An AuthnRequest, encoded for a redirect (saml-bindings-2.0-os §3.4.4.1)."""
        force = ' ForceAuthn="true"' if reauthenticate else ""
        text = (
            f'<samlp:AuthnRequest xmlns:samlp="{_NAMES["samlp"]}" xmlns:saml="{_NAMES["saml"]}" Version="2.0"'
            f' ID={quoteattr(request)} IssueInstant="{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}" Destination={quoteattr(address)}'
            f' AssertionConsumerServiceURL={quoteattr(self._acs)} ProtocolBinding="{_POST}"{force}>'
            f"<saml:Issuer>{escape(self._entity)}</saml:Issuer></samlp:AuthnRequest>"
        )
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return base64.b64encode(packer.compress(text.encode()) + packer.flush()).decode()

    def handle_callback(self, attempt: SsoAttempt, reply: Mapping[str, str], now: datetime) -> ExternalIdentity:
        """Raises ProviderRefused."""
        document = _with_one_signature(_decoded(reply.get("SAMLResponse", "")))
        self._check_form(document, attempt)
        certificates = [_certificate(each) for each in attempt.provider["certificates"]]
        return self._identity(self._verified(document, certificates), attempt, now)

    def diagnose(self) -> tuple[DiagnosisStep, ...]:
        return tuple(self._steps())

    def check(self) -> None:
        """Raises ProviderUnavailable."""
        self._check_reachable(self._describe().address)

    def _steps(self) -> Iterator[DiagnosisStep]:
        try:
            described = self._describe()
            yield DiagnosisStep("metadata", True, "The metadata describe the provider under its entity id.")
        except ProviderUnavailable as down:
            yield DiagnosisStep("metadata", False, _sentence(down))
            return
        ends = max(_certificate(each).not_valid_after_utc for each in described.certificates)
        detail = f"It signs with {len(described.certificates)} certificates; the last one ends on {ends:%Y-%m-%d}."
        yield DiagnosisStep("certificates", ends > datetime.now(UTC), detail)
        try:
            self._check_reachable(described.address)
            yield DiagnosisStep("sign-on", True, "Its sign-on address answers.")
        except ProviderUnavailable as down:
            yield DiagnosisStep("sign-on", False, _sentence(down))

    def _check_reachable(self, address: str) -> None:
        status = self._outbound.get(address).status
        if status >= 500:
            raise ProviderUnavailable(f"the sign-on address answers with status {status}")

    def _describe(self) -> _Described:
        """Raises ProviderUnavailable."""
        document = self._connection.metadata.encode()
        if not document:
            answer = self._outbound.get(self._connection.metadata_url)
            if answer.status != 200:
                raise ProviderUnavailable(f"the metadata are answered with status {answer.status}")
            document = answer.body
        try:
            root = fromstring(document, forbid_dtd=True)
        except Exception as error:  # lxml and defusedxml raise many types of errors
            raise ProviderUnavailable("the metadata are not XML") from error
        return self._described(root)

    def _described(self, root: Any) -> _Described:
        """Raises ProviderUnavailable."""
        entities = root.xpath(
            "descendant-or-self::md:EntityDescriptor[@entityID=$id]/md:IDPSSODescriptor",
            namespaces=_NAMES,
            id=self._connection.issuer,
        )
        if len(entities) != 1:
            raise ProviderUnavailable("the metadata do not describe a provider of that entity id")
        _check_lifetime(entities[0])
        found = entities[0].xpath(
            "md:SingleSignOnService[@Binding=$binding]/@Location", namespaces=_NAMES, binding=_REDIRECT
        )
        signs = entities[0].xpath(
            "md:KeyDescriptor[not(@use) or @use='signing']//ds:X509Certificate/text()", namespaces=_NAMES
        )
        if not found or not signs:
            raise ProviderUnavailable("the metadata name no sign-on address by redirect, or no certificate")
        certificates = ["".join(str(each).split()) for each in signs]
        try:
            keys = [_certificate(each).public_key() for each in certificates]
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ProviderUnavailable("a certificate in the metadata cannot be read") from error
        certificates = [text for text, key in zip(certificates, keys, strict=True) if _is_strong(key)]
        if not certificates:
            raise ProviderUnavailable(f"no certificate in the metadata has an RSA key of {_SMALLEST_RSA_KEY} bits")
        self._outbound.check_url(str(found[0]))
        return _Described(str(found[0]), certificates)

    def _check_form(self, document: bytes, attempt: SsoAttempt) -> None:
        """Check the form of the response. With two assertions, one could be signed and the other one read; a text with
        a comment in it could be read in part. Raises ProviderRefused."""
        root = _parsed(document)
        if root.tag != _tag("samlp:Response"):
            raise ProviderRefused("the document is no response")
        if root.xpath("//comment() | //processing-instruction()"):
            raise ProviderRefused("the response has comments or processing instructions in it")
        if root.xpath("//saml:EncryptedAssertion", namespaces=_NAMES):
            raise ProviderRefused("the assertion is encrypted, which is not supported")
        if [str(each) for each in root.xpath("samlp:Status/samlp:StatusCode/@Value", namespaces=_NAMES)] != [_SUCCESS]:
            raise ProviderRefused("the provider did not log anybody in")
        assertions = root.xpath("//saml:Assertion", namespaces=_NAMES)
        signatures = root.xpath("//ds:Signature", namespaces=_NAMES)
        if len(assertions) != 1 or assertions[0].getparent() is not root:
            raise ProviderRefused("the response must have one assertion, in its place")
        if len(signatures) != 1 or signatures[0].getparent() not in (root, assertions[0]):
            raise ProviderRefused("the response must have one signature, in its place")
        references = signatures[0].xpath("ds:SignedInfo/ds:Reference/@URI", namespaces=_NAMES)
        if [str(each) for each in references] != [f"#{signatures[0].getparent().get('ID')}"]:
            raise ProviderRefused("the signature is of something else")
        if root.get("Destination", self._acs) != self._acs:
            raise ProviderRefused("the response is for another address")
        if root.get("InResponseTo", attempt.request) != attempt.request:
            raise ProviderRefused("the response is to another request")

    def _verified(self, document: bytes, certificates: list[Certificate]) -> Any:
        """The assertion inside the signed element. Raises ProviderRefused."""
        why = "no certificate"
        for certificate in certificates:
            # The key is trusted because it stands in the metadata. The dates of its certificate do not count
            # (saml-metadata-iop-os §2.6.1).
            expected = replace(_SIGNED, verification_time=certificate.not_valid_before_utc)
            try:
                told = XMLVerifier().verify(  # its schema lacks InclusiveNamespaces; see _check_form
                    document, x509_cert=certificate, id_attribute="ID", expect_config=expected, validate_schema=False
                )
            except Exception as error:  # a hostile document can cause many types of errors
                why = type(error).__name__
                continue
            signed = told.signed_xml  # type: ignore[union-attr]  # one reference, one result
            if signed is None:
                raise ProviderRefused("what is signed is not XML")
            return signed if signed.tag == _tag("saml:Assertion") else _one(signed, "saml:Assertion")
        raise ProviderRefused(f"the response is not valid: {why}")

    def _identity(self, assertion: Any, attempt: SsoAttempt, now: datetime) -> ExternalIdentity:
        """Raises ProviderRefused."""
        if _text(assertion, "saml:Issuer") != self._connection.issuer:
            raise ProviderRefused("the assertion is by another issuer")
        expires_at = max(self._confirmed(assertion, attempt, now), self._within(assertion, now)) + 2 * DRIFT
        statement = _one(assertion, "saml:AuthnStatement")
        session_ends = statement.get("SessionNotOnOrAfter")
        if session_ends and _datetime_of(session_ends) <= now - DRIFT:
            raise ProviderRefused("the session at the provider has ended")
        subject = _text(assertion, "saml:Subject/saml:NameID")
        lasting = _one(assertion, "saml:Subject/saml:NameID").get("Format") != _TRANSIENT
        if not (subject and lasting and assertion.get("ID")):
            raise ProviderRefused("the assertion names nobody for good")
        attributes = _attributes(assertion)
        return ExternalIdentity(
            issuer=self._connection.issuer,
            subject=subject,
            email=_first(attributes, _EMAIL) or (subject if "@" in subject else ""),
            name=_first(attributes, _NAME),
            groups=tuple(attributes[claim]) if (claim := self._connection.groups_claim) in attributes else None,
            authenticated_at=_datetime_of(statement.get("AuthnInstant")),
            assertion=assertion.get("ID"),
            expires_at=expires_at,
        )

    def _confirmed(self, assertion: Any, attempt: SsoAttempt, now: datetime) -> datetime:
        """Check that the assertion may be used by its bearer, here and for this request; returns until when
        (saml-profiles-2.0-os §3.3). Raises ProviderRefused."""
        confirmation = _one(assertion, "saml:Subject/saml:SubjectConfirmation")
        data = _one(confirmation, "saml:SubjectConfirmationData")
        if data.get("InResponseTo") != attempt.request:
            raise ProviderRefused("the assertion is for another request")
        if confirmation.get("Method") != _BEARER or data.get("Recipient") != self._acs:
            raise ProviderRefused("the assertion is for another recipient")
        until = _datetime_of(data.get("NotOnOrAfter"))
        if until <= now - DRIFT:
            raise ProviderRefused("the assertion is too old")
        return until

    def _within(self, assertion: Any, now: datetime) -> datetime:
        """Check the conditions; returns until when they hold (saml-core-2.0-os §2.5.1). Raises ProviderRefused."""
        conditions = _one(assertion, "saml:Conditions")
        begins, until = conditions.get("NotBefore"), _datetime_of(conditions.get("NotOnOrAfter"))
        if until <= now - DRIFT or (begins and _datetime_of(begins) > now + DRIFT):
            raise ProviderRefused("the assertion does not hold now")
        restrictions = conditions.findall("saml:AudienceRestriction", _NAMES)
        audiences = [[each.text for each in one.findall("saml:Audience", _NAMES)] for one in restrictions]
        if not audiences or not all(self._entity in each for each in audiences):
            raise ProviderRefused("the assertion is for another audience")
        return until


def service_metadata(*, entity: str, acs: str) -> str:
    """The platform's metadata for the admin of a provider (saml-metadata-2.0-os §2.4.4)."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<md:EntityDescriptor xmlns:md="{_NAMES["md"]}" entityID={quoteattr(entity)}>'
        '<md:SPSSODescriptor AuthnRequestsSigned="false" WantAssertionsSigned="true"'
        f' protocolSupportEnumeration="{_NAMES["samlp"]}">'
        "<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>"
        f'<md:AssertionConsumerService Binding="{_POST}" Location={quoteattr(acs)} index="0" isDefault="true"/>'
        "</md:SPSSODescriptor></md:EntityDescriptor>\n"
    )


def _decoded(text: str) -> bytes:
    """Raises ProviderRefused."""
    try:
        document = base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise ProviderRefused("the response is not base64") from error
    if not 0 < len(document) <= _LARGEST:
        raise ProviderRefused("the response is empty or too large")
    return document


def _with_one_signature(document: bytes) -> bytes:
    """Remove an outer signature. Some providers sign the assertion and then the response around it. The inner signature
    is enough, and only it is verified; anybody could have removed the outer one on the way. Raises ProviderRefused."""
    root = _parsed(document)
    inner = root.findall("saml:Assertion/ds:Signature", _NAMES)
    outer = root.findall("ds:Signature", _NAMES)
    if not (inner and outer):
        return document
    for signature in outer:
        root.remove(signature)
    stripped: bytes = etree.tostring(root)
    return stripped


def _parsed(document: bytes) -> Any:
    """Raises ProviderRefused."""
    try:
        return fromstring(document, forbid_dtd=True)
    except Exception as error:  # lxml and defusedxml raise many types of errors
        raise ProviderRefused("the response is not XML that we read") from error


def _certificate(text: str) -> Certificate:
    """Raises ValueError."""
    return load_der_x509_certificate(base64.b64decode(text))


def _is_strong(key: object) -> bool:
    return isinstance(key, RSAPublicKey) and key.key_size >= _SMALLEST_RSA_KEY


def _check_lifetime(entity: Any) -> None:
    """Metadata end with the earliest ``validUntil`` around them (saml-metadata-2.0-os §2.3.2). Raises
    ProviderUnavailable."""
    for text in entity.xpath("ancestor-or-self::*/@validUntil"):
        try:
            ends = _datetime_of(str(text))
        except ProviderRefused:
            raise ProviderUnavailable("the metadata's validUntil is no time") from None
        if ends <= datetime.now(UTC):
            raise ProviderUnavailable(f"the metadata were valid until {ends:%Y-%m-%d}")


def _one(element: Any, path: str) -> Any:
    """Raises ProviderRefused."""
    found = element.findall(path, _NAMES)
    if len(found) != 1:
        raise ProviderRefused(f"the assertion has {len(found)} {path.rpartition(':')[2]} and not one")
    return found[0]


def _text(element: Any, path: str) -> str:
    """The text of an element, byte for byte; '' if it contains other elements. Raises ProviderRefused."""
    found = _one(element, path)
    return "" if len(found) else found.text or ""


def _attributes(assertion: Any) -> dict[str, list[str]]:
    """The texts of each attribute. A value with elements in it is none: only part of it would be read."""
    found: dict[str, list[str]] = {}
    for each in assertion.findall("saml:AttributeStatement/saml:Attribute", _NAMES):
        values = each.findall("saml:AttributeValue", _NAMES)
        found.setdefault(each.get("Name", ""), []).extend(
            value.text for value in values if value.text and not len(value)
        )
    return found


def _datetime_of(text: str | None) -> datetime:
    """Raises ProviderRefused."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError as error:
        raise ProviderRefused("the assertion lacks a time") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _first(attributes: Mapping[str, list[str]], names: tuple[str, ...]) -> str:
    return next((attributes[name][0] for name in names if attributes.get(name)), "")


def _tag(name: str) -> str:
    prefix, _, local = name.partition(":")
    return str(etree.QName(_NAMES[prefix], local))


def _sentence(down: ProviderUnavailable) -> str:
    text = str(down)
    return f"{text[:1].upper()}{text[1:]}."
