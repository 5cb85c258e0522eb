"""Keys of single sign-on."""

from __future__ import annotations

from docplatform.infra.dynamodb.keys import Key, TenantKeys, hashed


class SsoKeys(TenantKeys):
    def connection(self) -> Key:
        return Key(f"{self._prefix}sso", "connection")

    def health(self) -> Key:
        return Key(f"{self._prefix}sso", "health")

    def attempt(self, state_hash: str) -> Key:
        return Key(f"{self._prefix}sso-attempt#{state_hash}", "attempt")

    def subject(self, issuer: str, subject: str) -> Key:
        """A provider's subject, which is linked to at most one user. Hashed, because a subject may be an e-mail
        address."""
        return Key(f"{self._prefix}sso-subject#{_hashed_pair(issuer, subject)}", "subject")

    def assertion(self, issuer: str, assertion: str) -> Key:
        return Key(f"{self._prefix}sso-assertion#{_hashed_pair(issuer, assertion)}", "assertion")


def _hashed_pair(issuer: str, name: str) -> str:
    """The hash of a pair. Each part is preceded by its length, so that different pairs never give the same text."""
    return hashed("".join(f"{len(part)}:{part}" for part in (issuer, name)))
