"""Sortable ids: a prefix that names the kind, then a ULID in lower case (48 bits of milliseconds, 80 random bits).

As text, ids of one kind sort by time of creation, so they serve as sort keys. ULID: github.com/ulid/spec.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32
_ULID = "[0-9a-hjkmnp-tv-z]{26}"

DOCUMENT, FOLDER, VERSION = "doc", "fld", "ver"
USER, GROUP, SESSION, PASSKEY, API_KEY = "usr", "grp", "ses", "pky", "key"
ROOT_FOLDER = "root"

_KINDS = (DOCUMENT, FOLDER, VERSION, USER, GROUP, SESSION, PASSKEY, API_KEY)
_FORMS = {kind: re.compile(rf"{kind}_{_ULID}") for kind in _KINDS}
_TENANT = re.compile(r"t[0-9a-z]{12}")


def ulid(at: datetime) -> str:
    """A ULID of 26 characters. Two ULIDs of the same millisecond have no defined order."""
    number = int(at.timestamp() * 1000) << 80 | secrets.randbits(80)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def new(kind: str, at: datetime) -> str:
    return f"{kind}_{ulid(at)}"


def new_tenant() -> str:
    """An opaque tenant id: ``t`` and 12 characters. None of them has a meaning in an IAM policy or in an item's key."""
    return "t" + "".join(secrets.choice(_ALPHABET) for _ in range(12))


def is_a(kind: str, text: str) -> bool:
    """Whether ``text`` has the form of an id of that kind. Check it before building a key from ``text``: a text of
    another form is an unknown id."""
    return _FORMS[kind].fullmatch(text) is not None


def is_public(text: str) -> bool:
    """Whether ``text`` has the form of an id that API requests and answers hold."""
    return text == ROOT_FOLDER or any(form.fullmatch(text) for form in _FORMS.values())


def is_folder(text: str) -> bool:
    return text == ROOT_FOLDER or is_a(FOLDER, text)


def is_tenant(text: str) -> bool:
    return _TENANT.fullmatch(text) is not None
