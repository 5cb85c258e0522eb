"""Passwords as argon2id hashes. The parameters are those of the OWASP Password Storage Cheat Sheet: 19 MiB, 2 passes,
1 lane.
"""

from __future__ import annotations

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from docplatform.authentication.adapters.common_passwords import is_common


class Argon2Passwords:
    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._nobody = self._hasher.hash("the password of nobody")

    def common(self, password: str) -> bool:
        return is_common(_typed(password))

    def hash(self, password: str) -> str:
        return self._hasher.hash(_typed(password))

    def fits(self, password: str, hashed: str) -> bool:
        """Whether the password has this hash. With an empty hash the call takes the same time and returns False: the
        time does not reveal whether there is an account."""
        try:
            return self._hasher.verify(hashed or self._nobody, _typed(password)) and bool(hashed)
        except (VerificationError, InvalidHashError):
            return False

    def outdated(self, hashed: str) -> bool:
        return self._hasher.check_needs_rehash(hashed)


def _typed(password: str) -> str:
    """The password in Unicode NFC: some keyboards send an accent as a character of its own (RFC 8265 §4.2.2)."""
    return unicodedata.normalize("NFC", password)
