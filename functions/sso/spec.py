from docplatform.runtime.settings import IdentitySettings
from docplatform.runtime.spec import Auth, FunctionSpec, Grant, Layer, Mount

FUNCTIONS = (
    FunctionSpec(
        name="sso",
        settings=IdentitySettings,
        mounts=(Mount("/v1/sso", Auth.PUBLIC), Mount("/v1/sso-connection")),
        grants=frozenset(
            {
                Grant.TENANT_ACCESS,
                Grant.ATTEMPTS,
                Grant.TENANT_SECRETS,
                Grant.REGISTRY_READ,
                Grant.TOKEN_SIGN,
                Grant.TOKEN_VERIFY,
                Grant.MAIL_SEND,
            }
        ),
        layers=(Layer.PLATFORM, Layer.DEPENDENCIES, Layer.IDENTITY),
    ),
)
