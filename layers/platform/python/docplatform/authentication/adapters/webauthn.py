"""Passkeys by WebAuthn Level 3. The relying party is the tenant's host name. User verification (a PIN, a fingerprint)
is always required."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from docplatform.core import ids
from docplatform.identity.errors import InvalidCode
from docplatform.identity.factors import Passkey
from docplatform.identity.model import User

_LONGEST_ID = 1_023  # bytes of a credential's id (§7.1 step 25)


class WebAuthnPasskeys:
    def __init__(self, address: str, organisation: str) -> None:
        """``address``: the tenant's, with scheme and port. It is the origin that browsers report."""
        self._origin, self._organisation = address, organisation
        self._party = urlsplit(address).hostname or ""

    def registration(self, user: User, known: tuple[Passkey, ...], challenge: str) -> dict[str, Any]:
        """PublicKeyCredentialCreationOptionsJSON (§5.1.8)."""
        import webauthn
        from webauthn.helpers import structs

        selection = structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )
        return _json(
            webauthn.generate_registration_options(
                rp_id=self._party,
                rp_name=self._organisation,
                user_name=user.email,
                user_display_name=user.name,
                user_id=user.id.encode(),
                challenge=_bytes_of(challenge),
                authenticator_selection=selection,
                exclude_credentials=_descriptors(known),
            )
        )

    def registered(self, credential: dict[str, Any], challenge: str, name: str, at: datetime) -> Passkey:
        """Verify the authenticator's answer and return the new passkey. Raises InvalidCode."""
        import webauthn

        try:
            made = webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=_bytes_of(challenge),
                expected_rp_id=self._party,
                expected_origin=self._origin,
                require_user_verification=True,
            )
            _check_client(credential)
        except Exception as error:  # untrusted JSON and CBOR, for which the library raises many types of errors
            raise InvalidCode("The authenticator's answer is not one to this challenge.") from error
        if len(made.credential_id) > _LONGEST_ID:
            raise InvalidCode("The authenticator's id for the passkey is too long.")
        return Passkey(
            id=ids.new(ids.PASSKEY, at),
            name=name,
            credential_id=_text(made.credential_id),
            public_key=_text(made.credential_public_key),
            sign_count=made.sign_count,
            created_at=at,
            used_at=at,
        )

    def request(self, known: tuple[Passkey, ...], challenge: str) -> dict[str, Any]:
        """PublicKeyCredentialRequestOptionsJSON (§5.1.9)."""
        import webauthn
        from webauthn.helpers import structs

        return _json(
            webauthn.generate_authentication_options(
                rp_id=self._party,
                challenge=_bytes_of(challenge),
                allow_credentials=_descriptors(known),
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            )
        )

    def owner(self, credential: dict[str, Any]) -> str:
        """The user id in the user handle that the authenticator keeps with the passkey (§5.4.3); '' if there is
        none."""
        try:
            return _bytes(credential["response"]["userHandle"]).decode()
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            return ""

    def used(self, credential: dict[str, Any], challenge: str, known: tuple[Passkey, ...], at: datetime) -> Passkey:
        """Verify the authenticator's answer and return the passkey as it is then. Its sign counter must have grown,
        unless the authenticator has no counter (§6.1.1). Raises InvalidCode."""
        import webauthn

        passkey = next((each for each in known if each.credential_id == credential.get("id")), None)
        if passkey is None:
            raise InvalidCode("That passkey is not known here.")
        try:
            verified = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=_bytes_of(challenge),
                expected_rp_id=self._party,
                expected_origin=self._origin,
                credential_public_key=_bytes(passkey.public_key),
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
            _check_client(credential)
        except Exception as error:
            raise InvalidCode("The authenticator's answer is not one to this challenge.") from error
        return replace(passkey, sign_count=verified.new_sign_count, used_at=at)


def _check_client(credential: dict[str, Any]) -> None:
    """Refuse an answer that was given inside a page of another site (§7.1 step 10, §7.2 step 13): the platform is in no
    frame. Raises ValueError."""
    told = json.loads(_bytes(credential["response"]["clientDataJSON"]))
    if told.get("crossOrigin", False) is not False or "topOrigin" in told:
        raise ValueError("the answer was given across origins")


def _bytes_of(challenge: str) -> bytes:
    """The challenge for the browser: a hash of the token, so that neither the options nor the authenticator's answer
    contain the token itself."""
    return hashlib.sha256(f"webauthn:{challenge}".encode()).digest()


def _descriptors(known: tuple[Passkey, ...]) -> list[Any]:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=_bytes(each.credential_id)) for each in known]


def _json(options: Any) -> dict[str, Any]:
    import webauthn

    found: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return found


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
