"""The processing of uploads (event rule, a queue for each plan, workflow), and the consumers of the data table's
stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from cdk import names
from cdk.config import Config
from cdk.constructs.incidents import Incidents
from cdk.constructs.queues import RESETS_AT_ONCE, FairQueue, PlanQueue
from cdk.constructs.schedules import JobQueue, Schedules
from cdk.constructs.table_stream import DOCUMENTS, NOT_ADDED, SESSIONS, TableStream
from cdk.constructs.uploads import Uploads
from cdk.constructs.workflow import Workflow
from cdk.specs import Deployable, tick_of, triggered_by
from cdk.specs import schedules as all_schedules
from cdk.stacks.data import DataStack
from docplatform.core.tenant import Plan
from docplatform.runtime.spec import Trigger


class WorkflowStack(cdk.Stack):
    """Functions are named by their fixed names: this stack is deployed after the API stack and imports nothing
    from it."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        config: Config,
        data: DataStack,
        functions: Sequence[Deployable],
        **more: Any,
    ) -> None:
        super().__init__(scope, name, description="docplatform: a region's queues and workflows", **more)
        key = data.kms_keys.data

        def arn(function: str) -> str:
            return names.function_arn(self.account, self.region, function)

        steps = [spec.name for spec in triggered_by(Trigger.WORKFLOW, functions)]
        Workflow(
            self,
            "Processing",
            steps={f"{names.title(step)}Arn": arn(step) for step in steps},
            key=key,
            ephemeral=config.ephemeral,
        )
        (starter,) = triggered_by(Trigger.PLAN_QUEUE, functions)
        for plan in Plan:
            PlanQueue(
                self,
                plan.value.title(),
                plan=plan,
                consumer_arn=arn(starter.name),
                key=key,
                visibility_seconds=config.processing_visibility_seconds,
                of_weight_one=config.processing_concurrency,
            )
        (mailer,) = triggered_by(Trigger.RESET_QUEUE, functions)
        FairQueue(
            self,
            "PasswordResets",
            queue_name=names.RESET_QUEUE,
            consumer_arn=arn(mailer.name),
            key=key,
            visibility_seconds=mailer.timeout * 6,
            receives=5,
            batch=10,
            concurrency=RESETS_AT_ONCE,
        )
        (dispatcher,) = triggered_by(Trigger.UPLOAD, functions)
        Uploads(
            self,
            "Uploads",
            bucket=data.documents.bucket_name,
            patterns=[each.pattern for each in dispatcher.objects],
            dispatcher=dispatcher.name,
            key=key,
        )
        (watch,) = triggered_by(Trigger.CLOUD_TRAIL, functions)
        Incidents(self, "Incidents", watch=watch.name, key=key)
        Schedules(
            self,
            "Schedules",
            tick=tick_of(functions).name,
            schedules=[schedule for schedule, _ in all_schedules(functions)],
            key=key,
        )
        for spec in triggered_by(Trigger.JOBS, functions):
            JobQueue(self, f"{names.title(spec.name)}Jobs", function=spec, key=key)
        for title, table, trigger, pattern in (
            ("Changes", data.table, Trigger.DOCUMENT_STREAM, DOCUMENTS),
            ("Sessions", data.table, Trigger.SESSION_STREAM, SESSIONS),
            ("Audit", data.audit, Trigger.AUDIT_STREAM, NOT_ADDED),
        ):
            (consumer,) = triggered_by(trigger, functions)
            stream = table.table_stream_arn
            if stream is None:
                raise ValueError(f"the table that {consumer.name} follows has no stream")
            TableStream(self, title, stream_arn=stream, consumer=consumer.name, pattern=pattern, key=key)
