from docplatform.runtime.settings import AccountSettings, IdentitySettings
from docplatform.runtime.spec import Auth, FunctionSpec, Grant, Layer, Mount, Trigger

FUNCTIONS = (
    FunctionSpec(
        name="identity",
        settings=AccountSettings,
        mounts=(
            Mount("/v1/auth", Auth.PUBLIC),
            Mount("/v1/auth/step-up"),
            Mount("/v1/me"),
            Mount("/v1/users"),
            Mount("/v1/sessions"),
            Mount("/v1/security-settings"),
        ),
        grants=frozenset(
            {
                Grant.TENANT_ACCESS,
                Grant.ATTEMPTS,
                Grant.REGISTRY_READ,
                Grant.CURSOR_SECRET,
                Grant.TENANT_SECRETS,
                Grant.TOKEN_SIGN,
                Grant.TOKEN_VERIFY,
                Grant.MAIL_SEND,
                Grant.RESET_SEND,
            }
        ),
        layers=(Layer.PLATFORM, Layer.DEPENDENCIES, Layer.IDENTITY),
        memory=1024,  # Lambda gives processor time in proportion, and argon2id needs it
    ),
    FunctionSpec(
        name="password-resets",
        settings=IdentitySettings,
        handler="password_resets.handler",
        trigger=Trigger.RESET_QUEUE,
        grants=frozenset({Grant.TENANT_ACCESS, Grant.REGISTRY_READ, Grant.MAIL_SEND}),
        layers=(Layer.PLATFORM, Layer.DEPENDENCIES, Layer.IDENTITY),
    ),
)
