"""The check that what cannot be undone asks for: its person was authenticated a moment ago."""

from __future__ import annotations

from docplatform.core.actor import Actor
from docplatform.core.errors import StepUpRequired
from docplatform.core.time import now
from docplatform.identity.model import alive
from docplatform.identity.wiring.users import people


def require_recent_login(actor: Actor) -> None:
    """Read the session itself: what the authorizer knows of it may be half a minute old. Raises StepUpRequired when nobody has
    shown a password or passkey in it within ten minutes."""
    session, user = people(actor.tenant).bearer(actor.session_id, actor.user_id)
    at = now()
    if session is None or not alive(session, user, at) or not session.fresh(at):
        raise StepUpRequired(
            "POST /v1/auth/step-up, or log in by single sign-on with ?prompt=login; then repeat the request."
        )
