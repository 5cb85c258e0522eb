"""The account's concurrent executions, divided among kinds of functions: a flood of one kind, or a service that stalls, leaves the others
theirs (docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html).

- A function with a ``reserve`` has that much for itself, and no more.
- Workers behind queues are capped by their queues' mappings.
- All others share the rest, of which ``LEAST_FOR_API`` percent are for people who wait.
"""

from __future__ import annotations

from collections.abc import Sequence

from cdk.constructs.queues import RESETS_AT_ONCE, concurrency
from cdk.constructs.schedules import CONCURRENCY
from cdk.specs import Deployable, file_opener_of, triggered_by
from docplatform.core.tenant import Plan
from docplatform.runtime.spec import FunctionSpec, Trigger

UNRESERVED = 100  # AWS keeps this many for functions without a reserve
LEAST_FOR_API = 25  # percent of the quota
_STEPS_AT_ONCE = 2  # of one upload: text and pictures


def reserved(spec: FunctionSpec, quota: int) -> int:
    """Executions that are kept for the function; 0 if it shares the rest."""
    return quota * spec.reserve // 100


def of_uploads(of_weight_one: int) -> int:
    """The most uploads that are processed at the same time."""
    return sum(concurrency(plan, of_weight_one) for plan in Plan)


def of_queues(functions: Sequence[Deployable], of_weight_one: int) -> int:
    """The most executions of workers behind queues, and of the steps that they wait for."""
    return (
        of_uploads(of_weight_one) * (1 + _STEPS_AT_ONCE)
        + CONCURRENCY * len(triggered_by(Trigger.JOBS, functions))
        + RESETS_AT_ONCE
    )


def check(functions: Sequence[Deployable], quota: int, of_weight_one: int) -> None:
    """Raises ValueError if the parts are more than ``quota``, the account's concurrent executions, or if the opener of files has
    less than the steps of all uploads call. ``of_weight_one``: the setting processing_concurrency."""
    kept = sum(reserved(each.spec, quota) for each in functions)
    opener, calls = reserved(file_opener_of(functions), quota), of_uploads(of_weight_one) * _STEPS_AT_ONCE
    if opener < calls:
        raise ValueError(f"the opener of files has {opener} executions, and {calls} are called at the same time")
    api = max(UNRESERVED, quota * LEAST_FOR_API // 100)
    queues = of_queues(functions, of_weight_one)
    needed = kept + queues + api
    if needed > quota:
        raise ValueError(
            f"lambda_concurrency is {quota}, and {needed} are needed: {kept} reserved, {queues} for queues, {api} for the "
            "API. Raise the account's quota and this setting, or lower reserves"
        )
