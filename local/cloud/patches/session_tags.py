"""Session tags have the characters that STS allows. A value such as ``*`` in a policy's variable would match everything
(docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html).
"""

from __future__ import annotations

import unicodedata
from typing import Any

from local.cloud.patches import require

_SIGNS = frozenset("_.:/=+-@")


def _is_allowed(text: str) -> bool:
    """Whether it has letters, spaces, numbers and these signs only: ``[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*``."""
    return all(sign in _SIGNS or unicodedata.category(sign)[0] in "LZN" for sign in text)


def apply() -> None:
    from ministack.services import sts

    read, error = require(sts, "_session_tags"), require(sts, "_error")

    def session_tags(params: dict[str, Any], check: bool = True) -> Any:
        tags, refused = read(params, check=check)
        if refused is None:
            for number, tag in enumerate(tags, 1):
                for part, least, most in (("Key", 1, 128), ("Value", 0, 256)):
                    if not (least <= len(tag[part]) <= most and _is_allowed(tag[part])):
                        name = f"tags.{number}.member.{part.lower()}"
                        message = f"1 validation error detected: Value at '{name}' failed to satisfy constraint"
                        return None, error(400, "ValidationError", message, ns="sts")
        return tags, refused

    sts._session_tags = session_tags
