"""Tickets for the next step of a sign-in: each is valid once, for five minutes, for one purpose."""

from __future__ import annotations

import secrets
from datetime import datetime

from docplatform.core.token_hash import digest
from docplatform.identity.errors import InvalidChallenge
from docplatform.identity.factors import CHALLENGE_LIFE, Challenge, ChallengePurpose, Method
from docplatform.identity.ports import People


def new_challenge(
    purpose: ChallengePurpose, user_id: str, at: datetime, first: Method = Method.PASSWORD, *, session_ends: int = 0
) -> tuple[str, Challenge]:
    """The token for the client, and the challenge to store. ``session_ends``: the user's, for a challenge that ends in
    a session."""
    token = secrets.token_urlsafe(32)
    return token, Challenge(digest(token), purpose, user_id, at + CHALLENGE_LIFE, first, session_ends)


def valid_challenge(people: People, token: str, purpose: ChallengePurpose, at: datetime) -> Challenge:
    """The stored challenge of this token, if it has this purpose and is valid. Raises InvalidChallenge."""
    challenge = people.challenge(digest(token))
    if challenge is None or challenge.purpose is not purpose or challenge.expires_at <= at:
        raise InvalidChallenge("It is unknown, used or too old. Begin again.")
    return challenge
