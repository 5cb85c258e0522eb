from docplatform.runtime.settings import ContentSettings, FileStepSettings, StorageSettings, WorkflowSettings
from docplatform.runtime.spec import FunctionSpec, Grant, Trigger

_TENANT = frozenset({Grant.TENANT_ACCESS, Grant.REGISTRY_READ})
_FILES = _TENANT | {Grant.TENANT_FILES}
_CONTENT = _FILES | {Grant.TENANT_SEARCH}


def _file_step(step: str) -> FunctionSpec:
    """A step that has the file opened, and waits for it: the file-opener runs for 180 seconds at most."""
    return FunctionSpec(
        name=f"processing-{step}",
        handler=f"{step}.handler",
        settings=FileStepSettings,
        trigger=Trigger.WORKFLOW,
        grants=_FILES | {Grant.OPEN_FILES},
        timeout=200,
    )


FUNCTIONS = (
    FunctionSpec(
        name="processing-start",
        handler="run_workflow.handler",
        settings=WorkflowSettings,
        trigger=Trigger.PLAN_QUEUE,
        grants=frozenset({Grant.EXPRESS_START, Grant.OPERATIONS}),
        memory=256,
        timeout=330,
    ),
    _file_step("verify"),
    _file_step("extract"),
    _file_step("preview"),
    FunctionSpec(
        name="processing-index",
        handler="index.handler",
        settings=ContentSettings,
        trigger=Trigger.WORKFLOW,
        grants=_CONTENT,
        timeout=60,
    ),
    FunctionSpec(
        name="processing-finish",
        handler="finish.handler",
        settings=StorageSettings,
        trigger=Trigger.WORKFLOW,
        grants=_TENANT,
    ),
    FunctionSpec(
        name="processing-fail",
        handler="mark_failed.handler",
        settings=ContentSettings,
        trigger=Trigger.WORKFLOW,
        grants=_CONTENT,
        timeout=60,
    ),
)
