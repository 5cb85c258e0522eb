"""Operations of this function, from the settings."""

from __future__ import annotations

from docplatform.core.time import now
from docplatform.infra.credentials import own_client
from docplatform.runtime.operations import sweep as sweeping
from docplatform.runtime.operations.service import OperationService
from docplatform.runtime.operations.store import OperationStore
from docplatform.runtime.settings import OperationSettings, load


def _store() -> OperationStore:
    return OperationStore(own_client("dynamodb"), load(OperationSettings).operations_table)


def operations() -> OperationService:
    return OperationService(_store(), own_client("stepfunctions"), load(OperationSettings).operation_workflows, now)


def sweep() -> sweeping.Swept:
    return sweeping.sweep(_store(), operations(), now)
