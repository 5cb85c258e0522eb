from docplatform.runtime.settings import MailSettings
from docplatform.runtime.spec import FunctionSpec, Grant, Layer, Mount

FUNCTIONS = (
    FunctionSpec(
        name="scim",
        settings=MailSettings,
        mounts=(Mount("/scim/v2"),),
        grants=frozenset({Grant.TENANT_ACCESS, Grant.ATTEMPTS, Grant.REGISTRY_READ, Grant.MAIL_SEND}),
        layers=(Layer.PLATFORM, Layer.DEPENDENCIES, Layer.IDENTITY),
        memory=1024,
    ),
)
