"""The check before an action that cannot be undone: the user was authenticated recently."""

from __future__ import annotations

from docplatform.core.actor import Actor
from docplatform.core.errors import StepUpRequired
from docplatform.core.time import now
from docplatform.identity.model import alive
from docplatform.identity.wiring.users import people


def require_recent_login(actor: Actor) -> None:
    """Check that the user was authenticated in this session within the last ten minutes. Reads the session itself,
    because the authorizer's answer may be half a minute old. Raises StepUpRequired."""
    session, user, _ = people(actor.tenant).bearer(actor.session_id, actor.user_id)
    at = now()
    if session is None or not alive(session, user, at) or not session.fresh(at):
        raise StepUpRequired(
            "POST /v1/auth/step-up, or log in by single sign-on with ?prompt=login; then repeat the request."
        )


def require_recent_login_of_session(actor: Actor) -> None:
    """The same check for an operation that is also the task of an API key. A key passes: it was made with a step-up.
    Raises StepUpRequired."""
    if actor.scopes is None:
        require_recent_login(actor)
