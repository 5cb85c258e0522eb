"""Records each use of the break-glass role at the tenant whose data it opens, and counts what weakens the walls around stored data.
Both are incidents: alarms stand on the counts."""

from typing import Any

from docplatform.control_plane.break_glass import BreakGlassUse, PerimeterChange, incident_of
from docplatform.core.audit import Action
from docplatform.core.errors import TenantNotFound
from docplatform.runtime.metrics import Metric, count
from docplatform.runtime.tenant_access import record
from docplatform.runtime.triggers import event_handler, system_actor


@event_handler("break-glass")
def handler(event: dict[str, Any]) -> None:
    match incident_of(event):
        case BreakGlassUse() as use:
            count(Metric.BREAK_GLASS_USES)
            _record(use)
        case PerimeterChange():
            count(Metric.PERIMETER_CHANGES)
        case None:
            pass  # another role, another resource of the account, or a deployment


def _record(use: BreakGlassUse) -> None:
    """A use that names no tenant of this region opened nothing: AWS refused it, or the tenant has no data here."""
    try:
        actor = system_actor(use.tenant_id, "break-glass", use.event_id)
    except TenantNotFound:
        return
    record(actor, Action.BREAK_GLASS_USED, actor.tenant.id, use.facts)
