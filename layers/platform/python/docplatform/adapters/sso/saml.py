"""A provider that speaks SAML 2.0: AuthnRequest by redirect, signed Response by POST (saml-profiles-2.0-os §4.1).

Signatures are minisaml's. It returns nothing but what the signature covers, and refuses more than one signature in a document. What
is more is checked here: that the document has the one form that an honest provider gives it, and what the assertion was made for.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import quoteattr

from cryptography.x509 import Certificate, load_der_x509_certificate
from defusedxml.lxml import fromstring
from lxml import etree
from minisaml.request import get_request_redirect_url
from minisaml.response import Response, TimeDriftLimits, validate_response
from minisignxml.verify import extract_verified_element_and_certificate

from docplatform.adapters.sso.outbound import Outbound
from docplatform.domain.sso import (
    Attempt,
    Connection,
    Departure,
    ExternalIdentity,
    ProviderDown,
    ProviderRefused,
    Step,
)

DRIFT = timedelta(seconds=60)  # between two clocks
_LARGEST = 256_000  # bytes of a response
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
    """What the provider's metadata says. ``certificates``: DER in base64."""

    address: str
    certificates: list[str]


class SamlProvider:
    def __init__(self, connection: Connection, outbound: Outbound, *, entity: str, acs: str) -> None:
        """``entity`` and ``acs``: ours, the id and where the provider posts its response."""
        self._connection, self._outbound = connection, outbound
        self._entity, self._acs = entity, acs

    def depart(self, state: str) -> Departure:
        """Raises ProviderDown."""
        described = self._describe()
        if self._connection.metadata:
            self._reach(described.address)
        request = f"_{secrets.token_hex(20)}"
        address = get_request_redirect_url(
            saml_endpoint=described.address,
            expected_audience=self._entity,
            acs_url=self._acs,
            request_id=request,
            relay_state=state,
        )
        return Departure(address, request, "", {"certificates": described.certificates})

    def arrive(self, attempt: Attempt, reply: Mapping[str, str], now: datetime) -> ExternalIdentity:
        """Raises ProviderRefused."""
        document = _signed_once(_decoded(reply.get("SAMLResponse", "")))
        self._check_form(document, attempt)
        certificates = [_certificate(each) for each in attempt.provider["certificates"]]
        response, assertion = self._verified(document, certificates)
        return self._identity(response, assertion, attempt, now)

    def look(self) -> tuple[Step, ...]:
        return tuple(self._steps())

    def check(self) -> None:
        """Raises ProviderDown."""
        self._reach(self._describe().address)

    def _steps(self) -> Iterator[Step]:
        try:
            described = self._describe()
            yield Step("metadata", True, "The metadata describe the provider under its entity id.")
        except ProviderDown as down:
            yield Step("metadata", False, _sentence(down))
            return
        ends = max(_certificate(each).not_valid_after_utc for each in described.certificates)
        detail = f"It signs with {len(described.certificates)} certificates; the last one ends on {ends:%Y-%m-%d}."
        yield Step("certificates", ends > datetime.now(UTC), detail)
        try:
            self._reach(described.address)
            yield Step("sign-on", True, "Its sign-on address answers.")
        except ProviderDown as down:
            yield Step("sign-on", False, _sentence(down))

    def _reach(self, address: str) -> None:
        status = self._outbound.get(address).status
        if status >= 500:
            raise ProviderDown(f"the sign-on address answers with status {status}")

    def _describe(self) -> _Described:
        """Raises ProviderDown."""
        document = self._connection.metadata.encode()
        if not document:
            answer = self._outbound.get(self._connection.metadata_url)
            if answer.status != 200:
                raise ProviderDown(f"the metadata are answered with status {answer.status}")
            document = answer.body
        try:
            root = fromstring(document, forbid_dtd=True)
        except Exception as error:  # of lxml and defusedxml alike, whatever came
            raise ProviderDown("the metadata are not XML") from error
        return self._described(root)

    def _described(self, root: Any) -> _Described:
        """Raises ProviderDown."""
        entities = root.xpath(
            "descendant-or-self::md:EntityDescriptor[@entityID=$id]/md:IDPSSODescriptor",
            namespaces=_NAMES,
            id=self._connection.issuer,
        )
        if len(entities) != 1:
            raise ProviderDown("the metadata do not describe a provider of that entity id")
        found = entities[0].xpath(
            "md:SingleSignOnService[@Binding=$binding]/@Location", namespaces=_NAMES, binding=_REDIRECT
        )
        signs = entities[0].xpath(
            "md:KeyDescriptor[not(@use) or @use='signing']//ds:X509Certificate/text()", namespaces=_NAMES
        )
        if not found or not signs:
            raise ProviderDown("the metadata name no sign-on address by redirect, or no certificate")
        certificates = ["".join(str(each).split()) for each in signs]
        try:
            for each in certificates:
                _certificate(each)
        except ValueError as error:
            raise ProviderDown("a certificate in the metadata cannot be read") from error
        self._outbound.check_url(str(found[0]))
        return _Described(str(found[0]), certificates)

    def _check_form(self, document: bytes, attempt: Attempt) -> None:
        """Of two assertions one could be believed and the other one signed; of a text with a comment in it, half. Raises
        ProviderRefused."""
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

    def _verified(self, document: bytes, certificates: list[Certificate]) -> tuple[Response, Any]:
        """What minisaml makes of it, and the signed assertion itself. Raises ProviderRefused."""
        try:
            response = validate_response(
                data=base64.b64encode(document),
                certificate=certificates,
                expected_audience=self._entity,
                idp_issuer=self._connection.issuer,
                allowed_time_drift=TimeDriftLimits(DRIFT, DRIFT),
            )
            signed, _ = extract_verified_element_and_certificate(xml=document, certificates=certificates)
        except Exception as error:  # whatever a hostile document makes the libraries raise
            why = " (InclusiveNamespaces are not supported)" if b"InclusiveNamespaces" in document else ""
            raise ProviderRefused(f"the response is not valid: {type(error).__name__}{why}") from error
        if signed.tag == _tag("saml:Assertion"):
            return response, signed
        return response, signed.find("saml:Assertion", _NAMES)

    def _identity(self, response: Response, assertion: Any, attempt: Attempt, now: datetime) -> ExternalIdentity:
        """Raises ProviderRefused."""
        if response.in_response_to != attempt.request:
            raise ProviderRefused("the assertion is for another request")
        confirmation = assertion.find("saml:Subject/saml:SubjectConfirmation", _NAMES)
        data = confirmation.find("saml:SubjectConfirmationData", _NAMES)
        if confirmation.get("Method") != _BEARER or data.get("Recipient") != self._acs:
            raise ProviderRefused("the assertion is for another recipient")
        confirmed_until = _moment(data.get("NotOnOrAfter"))
        if confirmed_until <= now - DRIFT:
            raise ProviderRefused("the assertion is too old")
        if response.session_not_on_or_after and response.session_not_on_or_after <= now - DRIFT:
            raise ProviderRefused("the session at the provider has ended")
        name_id = assertion.find("saml:Subject/saml:NameID", _NAMES)
        if name_id.get("Format") == _TRANSIENT or len(name_id) or not response.name_id or not assertion.get("ID"):
            raise ProviderRefused("the assertion names nobody for good")
        conditions_until = _moment(assertion.find("saml:Conditions", _NAMES).get("NotOnOrAfter"))
        attributes = {each.name: [value for value in each.values if value] for each in response.attributes}
        return ExternalIdentity(
            issuer=response.issuer,
            subject=response.name_id,
            email=_first(attributes, _EMAIL) or (response.name_id if "@" in response.name_id else ""),
            name=_first(attributes, _NAME),
            groups=tuple(attributes.get(self._connection.groups_claim, ())),
            assertion=assertion.get("ID"),
            expires_at=max(confirmed_until, conditions_until) + 2 * DRIFT,
        )


def service_metadata(*, entity: str, acs: str) -> str:
    """What a provider's admin reads of us (saml-metadata-2.0-os §2.4.4)."""
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


def _signed_once(document: bytes) -> bytes:
    """Some providers sign the assertion and then the response around it. The inner signature is enough, and the only one that is
    looked at; the outer one is taken away, as anybody could have done on the way. Raises ProviderRefused."""
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
    except Exception as error:  # of lxml and defusedxml alike, whatever came
        raise ProviderRefused("the response is not XML that we read") from error


def _certificate(text: str) -> Certificate:
    """Raises ValueError."""
    return load_der_x509_certificate(base64.b64decode(text))


def _moment(text: str | None) -> datetime:
    """Raises ProviderRefused."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError as error:
        raise ProviderRefused("the assertion does not say when it ends") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _first(attributes: Mapping[str, list[str]], names: tuple[str, ...]) -> str:
    return next((attributes[name][0] for name in names if attributes.get(name)), "")


def _tag(name: str) -> str:
    prefix, _, local = name.partition(":")
    return str(etree.QName(_NAMES[prefix], local))


def _sentence(down: ProviderDown) -> str:
    text = str(down)
    return f"{text[:1].upper()}{text[1:]}."
