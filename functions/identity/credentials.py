"""HTTP routes for credentials: passwords, one-time passwords, recovery codes, passkeys."""

from docplatform.authentication.mfa_enrolment import OwnFactors
from docplatform.authentication.mfa_sign_in import MfaSignIn
from docplatform.authentication.passwords import LostPassword, OwnPassword
from docplatform.authentication.reset_requests import ResetRequests
from docplatform.authentication.step_up import StepUp
from docplatform.authentication.verification import PresentedFactor
from docplatform.authentication.views import Tokens, device_of, tokens_of
from docplatform.authentication.wiring import sign_in as compose
from docplatform.authentication.wiring.recent_login import require_recent_login
from docplatform.core.actor import Actor, Permission
from docplatform.core.audit import Action
from docplatform.core.tenant import Tenant
from docplatform.http.consequence import Consequence
from docplatform.http.request import Request
from docplatform.http.router import Router
from docplatform.http.schemas import Response
from docplatform.runtime.metrics import Metric, SignInMethod, count

from .schemas import (
    ChallengeShown,
    EnrolmentConfirmation,
    Factor,
    FactorsView,
    FirstEntry,
    ForgottenPassword,
    NewPasskey,
    NewPassword,
    OneTimeCode,
    PasskeyAdded,
    PasskeyLogin,
    PasskeyOptions,
    PasskeyView,
    PasswordChange,
    Proof,
    RecoveryCodes,
    TotpSecret,
)

api = Router()


def _mfa_sign_in(tenant: Tenant, request: Request) -> MfaSignIn:
    device = device_of(tenant, request)
    return compose.mfa_sign_in(
        tenant, request_id=request.id, address=request.address, agent=request.agent, device=device
    )


# -- passwords


@api.post("/v1/auth/password/forgot", status=202, use_case=ResetRequests.request_link)
def forget_password(tenant: Tenant, body: ForgottenPassword, request: Request) -> None:
    """Ask for a mail with a link to set a new password. The answer is the same whether anybody has that address."""
    compose.reset_requests(tenant, request.id, request.address).request_link(body.email)


@api.post("/v1/auth/password/reset", status=204, use_case=LostPassword.reset)
def reset_password(tenant: Tenant, body: NewPassword, request: Request) -> None:
    """Set a new password with the mail's token, good once within an hour. All sessions end; log in anew.

    A mail says how many API keys go on working: none with ``end_api_keys``."""
    compose.lost_password(tenant, request.id).reset(body.token, body.password, end_api_keys=body.end_api_keys)


@api.post(
    "/v1/me/password",
    status=204,
    permission=Permission.READ,
    use_case=OwnPassword.change,
    step_up=require_recent_login,
    consequence=Consequence.CRITICAL,
)
def change_password(actor: Actor, body: PasswordChange, request: Request) -> None:
    """Change my password. My other sessions end."""
    compose.own_password(actor, request.address).change(body.old_password, body.new_password)


# -- the second step of a sign-in


@api.post("/v1/auth/mfa", response=Tokens, use_case=MfaSignIn.verify_factor)
def show_second_factor(tenant: Tenant, body: Factor, request: Request) -> Response:
    """Finish a log-in with a one-time password, a recovery code or a passkey."""
    factor = PresentedFactor(body.code, body.recovery_code, body.passkey)
    issued = _mfa_sign_in(tenant, request).verify_factor(body.challenge, factor)
    count(Metric.SIGN_INS, by=SignInMethod.SECOND_FACTOR)
    return tokens_of(tenant, issued)


@api.post(
    "/v1/auth/mfa/passkey-options",
    response=PasskeyOptions,
    use_case=MfaSignIn.passkey_options,
    audit_action=Action.PASSKEY_OPTIONS_ISSUED,
)
def options_for_second_factor(tenant: Tenant, body: ChallengeShown, request: Request) -> PasskeyOptions:
    """What ``navigator.credentials.get`` needs to finish this log-in with a passkey."""
    options = _mfa_sign_in(tenant, request).passkey_options(body.challenge)
    return PasskeyOptions(challenge=body.challenge, public_key=options)


@api.post("/v1/auth/mfa/enrolment", response=TotpSecret, use_case=MfaSignIn.enrol)
def enrol_at_log_in(tenant: Tenant, body: ChallengeShown, request: Request) -> TotpSecret:
    """Set up one-time passwords with the challenge of ``mfa_enrolment_required``."""
    return TotpSecret.of(*_mfa_sign_in(tenant, request).enrol(body.challenge))


@api.post(
    "/v1/auth/mfa/enrolment/confirm",
    response=FirstEntry,
    use_case=MfaSignIn.confirm_enrolment,
)
def confirm_enrolment_at_log_in(tenant: Tenant, body: EnrolmentConfirmation, request: Request) -> Response:
    """Confirm it with a first code, and be logged in. The recovery codes are shown this once."""
    issued, codes = _mfa_sign_in(tenant, request).confirm_enrolment(body.challenge, body.code)
    count(Metric.SIGN_INS, by=SignInMethod.MFA_ENROLMENT)
    entry = FirstEntry(**Tokens.model_validate(issued).model_dump(), recovery_codes=list(codes))
    return tokens_of(tenant, issued, entry)


# -- sign-in with a passkey alone


@api.post(
    "/v1/auth/passkey/options",
    response=PasskeyOptions,
    use_case=MfaSignIn.issue_passkey_challenge,
    audit_action=Action.PASSKEY_OPTIONS_ISSUED,
)
def options_for_log_in(tenant: Tenant, request: Request) -> PasskeyOptions:
    """What ``navigator.credentials.get`` needs to log in with a passkey alone."""
    token, options = _mfa_sign_in(tenant, request).issue_passkey_challenge()
    return PasskeyOptions(challenge=token, public_key=options)


@api.post("/v1/auth/passkey", response=Tokens, use_case=MfaSignIn.log_in_with_passkey)
def log_in_with_passkey(tenant: Tenant, body: PasskeyLogin, request: Request) -> Response:
    """Log in with a passkey alone."""
    issued = _mfa_sign_in(tenant, request).log_in_with_passkey(body.challenge, body.passkey)
    count(Metric.SIGN_INS, by=SignInMethod.PASSKEY)
    return tokens_of(tenant, issued)


# -- step-up


@api.post(
    "/v1/auth/step-up", status=204, permission=Permission.READ, use_case=StepUp.prove, consequence=Consequence.LASTING
)
def step_up(actor: Actor, body: Proof, request: Request) -> None:
    """Show my password again, and a second factor if I have one; or a passkey alone. Good for ten minutes of this session."""
    factor = PresentedFactor(body.code, body.recovery_code, body.passkey)
    compose.step_up(actor, request.address).prove(body.password, factor, body.challenge)


@api.post(
    "/v1/auth/step-up/passkey-options",
    response=PasskeyOptions,
    permission=Permission.READ,
    use_case=StepUp.issue_passkey_challenge,
    consequence=Consequence.LASTING,
    audit_action=Action.PASSKEY_OPTIONS_ISSUED,
)
def options_for_step_up(actor: Actor, request: Request) -> PasskeyOptions:
    """What ``navigator.credentials.get`` needs to show a passkey again."""
    token, options = compose.step_up(actor, request.address).issue_passkey_challenge()
    return PasskeyOptions(challenge=token, public_key=options)


# -- my second factors


@api.get(
    "/v1/me/mfa",
    response=FactorsView,
    permission=Permission.READ,
    use_case=OwnFactors.read,
    audit_action=Action.FACTORS_LISTED,
)
def list_factors(actor: Actor) -> FactorsView:
    """My second factors."""
    return FactorsView.of(compose.own_factors(actor).read())


@api.post(
    "/v1/me/mfa/totp",
    response=TotpSecret,
    permission=Permission.READ,
    use_case=OwnFactors.enrol_totp,
    step_up=require_recent_login,
    consequence=Consequence.CRITICAL,
)
def enrol_totp(actor: Actor) -> TotpSecret:
    """A secret for an authenticator app. It counts once a code has confirmed it."""
    return TotpSecret.of(*compose.own_factors(actor).enrol_totp())


@api.post(
    "/v1/me/mfa/totp/confirm",
    response=RecoveryCodes,
    permission=Permission.READ,
    use_case=OwnFactors.confirm_totp,
    step_up=require_recent_login,
    consequence=Consequence.CRITICAL,
)
def confirm_totp(actor: Actor, body: OneTimeCode) -> RecoveryCodes:
    """Confirm it with a first code. Recovery codes are shown this once; none are made where there are some."""
    return RecoveryCodes(recovery_codes=list(compose.own_factors(actor).confirm_totp(body.code)))


@api.delete(
    "/v1/me/mfa/totp",
    status=204,
    permission=Permission.READ,
    use_case=OwnFactors.remove_totp,
    step_up=require_recent_login,
    consequence=Consequence.CRITICAL,
)
def remove_totp(actor: Actor) -> None:
    """Remove my one-time passwords."""
    compose.own_factors(actor).remove_totp()


@api.post(
    "/v1/me/mfa/recovery-codes",
    response=RecoveryCodes,
    permission=Permission.READ,
    use_case=OwnFactors.renew_recovery_codes,
    step_up=require_recent_login,
    consequence=Consequence.CRITICAL,
)
def renew_recovery_codes(actor: Actor) -> RecoveryCodes:
    """Ten new recovery codes, shown this once; the old ones are worth nothing any more."""
    return RecoveryCodes(recovery_codes=list(compose.own_factors(actor).renew_recovery_codes()))


@api.post(
    "/v1/me/mfa/passkeys/options",
    response=PasskeyOptions,
    permission=Permission.READ,
    use_case=OwnFactors.issue_passkey_challenge,
    step_up=require_recent_login,
    consequence=Consequence.CRITICAL,
    audit_action=Action.PASSKEY_OPTIONS_ISSUED,
)
def options_for_registration(actor: Actor) -> PasskeyOptions:
    """What ``navigator.credentials.create`` needs."""
    token, options = compose.own_factors(actor).issue_passkey_challenge()
    return PasskeyOptions(challenge=token, public_key=options)


@api.post(
    "/v1/me/mfa/passkeys",
    response=PasskeyAdded,
    status=201,
    permission=Permission.READ,
    use_case=OwnFactors.add_passkey,
    step_up=require_recent_login,
    consequence=Consequence.CRITICAL,
)
def add_passkey(actor: Actor, body: NewPasskey) -> PasskeyAdded:
    """Register a passkey. Recovery codes come with the first factor, and are shown this once."""
    made, codes = compose.own_factors(actor).add_passkey(body.challenge, body.passkey, body.name)
    return PasskeyAdded(passkey=PasskeyView.model_validate(made), recovery_codes=list(codes))


@api.delete(
    "/v1/me/mfa/passkeys/{passkey_id}",
    status=204,
    permission=Permission.READ,
    use_case=OwnFactors.remove_passkey,
    step_up=require_recent_login,
    consequence=Consequence.CRITICAL,
)
def remove_passkey(actor: Actor, passkey_id: str) -> None:
    """Remove a passkey of mine."""
    compose.own_factors(actor).remove_passkey(passkey_id)
