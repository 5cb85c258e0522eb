"""Writes of passwords, second factors, challenges and failed attempts, in the transaction of the change."""

from __future__ import annotations

from datetime import datetime

from docplatform.core.actor import Role
from docplatform.core.errors import ChangedMeanwhile, Conflict
from docplatform.identity.adapters import attempt_store
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.identity.devices import Device, DeviceClaim
from docplatform.identity.errors import InvalidChallenge, InvalidCode, InvalidCredentials, InvalidReset, LastAdmin
from docplatform.identity.factors import Challenge, Factors
from docplatform.identity.model import Reset, UserStatus
from docplatform.identity.security_settings import SecuritySettings
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.mapper import from_item, to_item
from docplatform.infra.dynamodb.store import TenantChanges
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction

_RESET_KEPT = 3600  # seconds after its expiry: until then the next request sees when the last one was made


class CredentialWrites(TenantChanges):
    def __init__(self, table: TenantTable, transaction: Transaction) -> None:
        super().__init__(table, transaction)
        self._identity_keys = IdentityKeys(table.keys.tenant_id)

    # -- the account
    def keep_admin(self, user_id: str) -> None:
        """Require that this user is still an active admin. Raises LastAdmin when committed."""
        still = {"role": Role.ADMIN.value, "status": UserStatus.ACTIVE.value}
        last = LastAdmin("Make somebody else admin first.")
        self._writes.check(self._identity_keys.user(user_id), equals=still, error=last)

    def forget_credentials(self, user_id: str) -> None:
        """Delete the password, the second factors, the devices and the password reset of a user."""
        keys = self._identity_keys
        for key in (keys.credential(user_id), keys.factors(user_id), keys.devices(user_id), keys.reset(user_id)):
            self._writes.delete(key)

    # -- passwords
    def expect_password(self, user_id: str, current: str, replacement: str) -> None:
        """Raises InvalidCredentials when committed if the password was changed meanwhile."""
        key, unchanged = self._identity_keys.credential(user_id), {"password": current}
        changed = InvalidCredentials("The password was changed a moment ago.")
        if replacement:
            self._writes.update(key, values={"password": replacement}, equals=unchanged, error=changed)
        else:
            self._writes.check(key, equals=unchanged, error=changed)

    def set_password(self, user_id: str, password: str) -> None:
        self._writes.put(self._identity_keys.credential(user_id), {"password": password})

    def store_reset(self, reset: Reset) -> None:
        expires = int(reset.expires_at.timestamp()) + _RESET_KEPT
        self._writes.put(
            self._identity_keys.reset(reset.user_id), to_item(reset, without=("user_id",), expires=expires)
        )

    def use_reset(self, reset: Reset) -> None:
        """Raises InvalidReset when committed if it was used meanwhile."""
        used = InvalidReset("It has been used. Ask for another.")
        self._writes.delete(
            self._identity_keys.reset(reset.user_id), equals={"token_hash": reset.token_hash}, error=used
        )

    # -- second factors
    def issue(self, challenge: Challenge) -> None:
        unset = () if challenge.session_ends else ("session_ends",)
        item = to_item(
            challenge,
            without=("token_hash", "purpose", *unset),
            errand=challenge.purpose.value,
            expires=int(challenge.expires_at.timestamp()),
        )
        self._writes.put(self._identity_keys.challenge(challenge.token_hash), item)

    def use(self, challenge: Challenge) -> None:
        """Raises InvalidChallenge when committed if it was used meanwhile."""
        used = InvalidChallenge("It has been used. Begin again.")
        self._writes.delete(self._identity_keys.challenge(challenge.token_hash), error=used)

    def keep_factors(self, user_id: str, before: Factors, after: Factors) -> None:
        """Raises when committed: InvalidCode if the factors were changed meanwhile, Conflict if a new passkey's id is
        another user's (WebAuthn Level 3 §7.1 step 26)."""
        key, changed = (
            self._identity_keys.factors(user_id),
            InvalidCode("It was used a moment ago. Wait for the next one."),
        )
        values = to_item(after, revision=before.revision + 1)
        if before.revision:
            self._writes.update(key, values=values, equals={"revision": before.revision}, error=changed)
        else:
            self._writes.put(key, values, error_if_exists=changed)
        old, new = ({each.credential_id for each in factors.passkeys} for factors in (before, after))
        for added in sorted(new - old):
            taken = Conflict("It is here already, or you have too many.")
            self._writes.put(self._identity_keys.passkey(added), {"user_id": user_id}, error_if_exists=taken)
        for removed in sorted(old - new):
            self._writes.delete(self._identity_keys.passkey(removed))

    def know_devices(self, user_id: str, devices: tuple[str, ...]) -> None:
        self._writes.put(self._identity_keys.devices(user_id), {"known": list(devices)})

    def know_device(self, device: Device, *, instead_of: DeviceClaim | None) -> None:
        keys = self._identity_keys
        expires = int(device.expires_at.timestamp())
        item = to_item(device, without=("user_id", "token_hash"), expires=expires)
        self._writes.put(keys.device(device.user_id, device.token_hash), item)
        if instead_of and instead_of.user_id == device.user_id:
            self._writes.delete(keys.device(device.user_id, instead_of.token_hash))

    def set_security(self, before: SecuritySettings, after: SecuritySettings) -> None:
        """Raises ChangedMeanwhile when committed if the stored settings are not ``before``."""
        unset = [name for name in ("used_since", "authenticated_since") if not getattr(after, name)]
        self._writes.update(
            self._identity_keys.security_settings(),
            values=to_item(after, without=unset, revision=before.revision + 1),
            equals={"revision": before.revision or [0, None]},
            error=ChangedMeanwhile("Somebody else changed the settings; look again."),
            must_exist=False,
        )

    # -- attempts
    def reset_attempts(self, account: str) -> None:
        attempt_store.reset_attempts(self._table, self._writes, account)

    def count_failure(self, source: str, at: datetime) -> None:
        attempt_store.count_failure(self._table, self._writes, source, at)


def factors_of(item: Item) -> Factors:
    """The factors in the stored item; ``{}`` if there is none."""
    return from_item(Factors, item) if item else Factors()
