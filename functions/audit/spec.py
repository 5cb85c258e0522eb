from docplatform.runtime.settings import FindingSettings
from docplatform.runtime.spec import FunctionSpec, Grant, Trigger

FUNCTIONS = (
    FunctionSpec(
        name="audit-watch",
        settings=FindingSettings,
        trigger=Trigger.AUDIT_STREAM,
        grants=frozenset({Grant.FINDINGS}),
        timeout=30,
    ),
)
