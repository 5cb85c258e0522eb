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
        return self.subject_of_hash(subject_hash(issuer, subject))

    def subject_of_hash(self, hash_of_subject: str) -> Key:
        return Key(f"{self._prefix}sso-subject#{hash_of_subject}", "subject")

    def account(self, user_id: str, issuer: str) -> Key:
        """The other direction: an account, which is linked to at most one subject of an issuer."""
        return Key(f"{self._prefix}sso-account#{user_id}", hashed(issuer))

    def unlisted_links(self) -> Key:
        """A mark: an earlier version has linked accounts without an ``account`` item."""
        return Key(f"{self._prefix}sso", "unlisted-links")

    def conflicts(self) -> str:
        return f"{self._prefix}sso-conflicts"

    def conflict(self, user_id: str, issuer: str, subject: str) -> Key:
        return Key(self.conflicts(), f"{user_id}#{subject_hash(issuer, subject)}")

    def conflict_mail(self) -> Key:
        return Key(f"{self._prefix}sso", "conflict-mail")

    def assertion(self, issuer: str, assertion: str) -> Key:
        return Key(f"{self._prefix}sso-assertion#{_hashed_pair(issuer, assertion)}", "assertion")


def subject_hash(issuer: str, subject: str) -> str:
    """Byte for byte: a subject with a blank more is another one."""
    return _hashed_pair(issuer, subject)


def _hashed_pair(issuer: str, name: str) -> str:
    """The hash of a pair. Each part is preceded by its length, so that different pairs never give the same text."""
    return hashed("".join(f"{len(part)}:{part}" for part in (issuer, name)))
