"""A region's alarms and its dashboard. docs/operations.md says what to do about each alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk import names
from cdk.config import Config, Region
from cdk.constructs import metrics
from cdk.constructs.alarms import Alarms
from cdk.specs import Deployable, is_interactive, triggered_by
from cdk.stacks.data import DataStack
from docplatform.core.tenant import Plan
from docplatform.library.model import ScanVerdict
from docplatform.runtime.metrics import REGION, Metric
from docplatform.runtime.spec import Trigger

_MOST_BEHIND = 300_000  # milliseconds; a stream keeps records for 24 hours
_MOST_CREDENTIALS = (
    90_000  # in five minutes: half of what STS answers in an account and region (about 600 calls a second)
)
_Measured = cloudwatch.Metric | cloudwatch.MathExpression

_ONBOARDING = ("tenants", "tenants-settle")


class ObservabilityStack(cdk.Stack):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        config: Config,
        region: Region,
        data: DataStack,
        functions: Sequence[Deployable],
        **more: Any,
    ) -> None:
        super().__init__(scope, name, description="docplatform: a region's alarms and dashboard", **more)
        self._functions = functions
        self._alarms = Alarms(self, "Alarms", key=data.kms_keys.data, email=config.alarm_email)
        self._watch_dead_letters()
        self._watch_functions()
        self._watch_streams()
        self._watch_processing()
        self._watch_jobs()
        self._watch_api()
        self._watch_security()
        self._watch_credentials()
        self._watch_incidents()
        self._dashboard(region)

    def _dead_letter_queues(self) -> list[str]:
        by_function = [
            names.function(spec.name)
            for trigger in (
                Trigger.UPLOAD,
                Trigger.CLOUD_TRAIL,
                Trigger.DOCUMENT_STREAM,
                Trigger.SESSION_STREAM,
                Trigger.AUDIT_STREAM,
            )
            for spec in triggered_by(trigger, self._functions)
        ]
        plans = [names.plan_queue(plan) for plan in Plan]
        rules = [names.UPLOAD_RULE, names.SCAN_RULE, names.INCIDENT_RULE, names.SCHEDULE_GROUP]
        of = [*plans, names.RESET_QUEUE, *self._job_queues(), *rules, *by_function]
        return [names.dead_letters(each) for each in of]

    def _job_queues(self) -> list[str]:
        return [names.job_queue(spec.name) for spec in triggered_by(Trigger.JOBS, self._functions)]

    def _stream_readers(self) -> list[str]:
        triggers = (Trigger.DOCUMENT_STREAM, Trigger.SESSION_STREAM, Trigger.AUDIT_STREAM)
        return [spec.name for trigger in triggers for spec in triggered_by(trigger, self._functions)]

    def _watch_dead_letters(self) -> None:
        for queue in self._dead_letter_queues():
            short = queue.removeprefix(f"{names.PREFIX}-")
            self._alarms.add(
                f"{short}-letters", "Work that failed for good waits here", metrics.queue_length(queue), threshold=1
            )

    def _watch_functions(self) -> None:
        for each in self._functions:
            name = each.spec.name
            reason = f"{name} raises errors that nobody expected"
            self._alarms.add(f"{name}-errors", reason, metrics.function(name, "Errors"), threshold=5)
            reason = f"{name} is throttled: the account's concurrency is used up"
            self._alarms.add(f"{name}-throttles", reason, metrics.function(name, "Throttles"), threshold=1, periods=3)

    def _watch_streams(self) -> None:
        for name in self._stream_readers():
            self._alarms.add(
                f"{name}-behind",
                f"{name} is over five minutes behind the changes that it follows",
                metrics.function(name, "IteratorAge", "Maximum"),
                threshold=_MOST_BEHIND,
            )

    def _watch_processing(self) -> None:
        for kind in names.KINDS:
            for outcome in ("ExecutionsFailed", "ExecutionsTimedOut"):
                metric = metrics.workflow(self.account, self.region, kind, outcome)
                reason = "Processing fails for reasons of ours; the messages come back until they are given up"
                self._alarms.add(
                    f"processing-{kind}-{outcome.removeprefix('Executions').lower()}", reason, metric, threshold=5
                )
        for verdict in (ScanVerdict.ACCESS_DENIED, ScanVerdict.FAILED):
            self._alarms.add(
                f"scans-{verdict.value.removeprefix('access_')}",
                "Files are held, because the malware scanner could not read or scan them",
                metrics.business(Metric.MALWARE_SCANS, "ingestion-dispatch", by=verdict.value),
                threshold=5,
            )
        for plan in Plan:
            reason = f"Uploads of the {plan} plan wait for more than half an hour"
            self._alarms.add(
                f"processing-{plan}-waits", reason, metrics.oldest_message_age(plan), threshold=1_800, periods=5
            )

    def _watch_jobs(self) -> None:
        self._alarms.add(
            "jobs-late",
            "A job has not run, or has not ended, when it should have; or nobody watches over the jobs",
            metrics.business(Metric.JOBS_LATE, "job-watch", "Maximum"),
            threshold=1,
            periods=3,
            missing_is_healthy=False,
        )
        self._alarms.add(
            "operations-failed",
            "A workflow was started again as often as it may be, and has not ended",
            metrics.business(Metric.OPERATIONS_FAILED, "operations-sweep"),
            threshold=1,
        )

    def _watch_security(self) -> None:
        self._alarms.add(
            "cross-tenant-detected",
            "Something of one tenant has come up in a request of another; it was not answered, but all walls before have failed",
            metrics.business(Metric.CROSS_TENANT_DETECTED, REGION),
            threshold=1,
        )
        self._alarms.add(
            "audit-tampered",
            "An audit record was changed or removed; nothing of the platform does that",
            metrics.business(Metric.AUDIT_TAMPERED, "audit-watch"),
            threshold=1,
        )

    def _watch_credentials(self) -> None:
        self._alarms.add(
            "credentials-issued",
            "Half of the credentials that STS may issue are asked for; functions would have to wait for the rest",
            metrics.business(Metric.CREDENTIALS_ISSUED, REGION),
            threshold=_MOST_CREDENTIALS,
        )

    def _watch_api(self) -> None:
        errors, latency = metrics.api("5XXError", "Average"), metrics.api("Latency", "p99")
        self._alarms.add("api-errors", "More than 1 % of the answers are 5xx", errors, threshold=0.01, periods=2)
        self._alarms.add(
            "api-slow", "The slowest 1 % of requests take over a second", latency, threshold=1_000, periods=3
        )

    def _watch_incidents(self) -> None:
        (watch,) = triggered_by(Trigger.CLOUD_TRAIL, self._functions)
        for name, reason, metric in (
            (
                "break-glass",
                "Somebody has opened a tenant's data with the break-glass role, or tried to",
                Metric.BREAK_GLASS_USES,
            ),
            ("perimeter", "Somebody has changed by hand who may reach stored data", Metric.PERIMETER_CHANGES),
        ):
            self._alarms.add(name, reason, metrics.business(metric, watch.name), threshold=1)

    def _dashboard(self, region: Region) -> None:
        interactive = [each.spec.name for each in self._functions if is_interactive(each.spec)]
        background = [each.spec.name for each in self._functions if not is_interactive(each.spec)]
        pairs = [
            (
                _graph("Requests", {"all": metrics.api("Count", "Sum")}, {"5xx": metrics.api("5XXError", "Sum")}),
                _graph("Latency (ms)", {each: metrics.api("Latency", each) for each in ("p50", "p99")}),
            ),
            (
                _graph(
                    "API functions: p99 (ms)", {name: metrics.function(name, "Duration", "p99") for name in interactive}
                ),
                _graph("Workers: p99 (ms)", {name: metrics.function(name, "Duration", "p99") for name in background}),
            ),
            (
                _graph("Processing", self._outcomes()),
                _graph(
                    "Oldest upload in the queue (s)", {plan.value: metrics.oldest_message_age(plan) for plan in Plan}
                ),
            ),
            (
                _graph("Errors", {name: metrics.function(name, "Errors") for name in (*interactive, *background)}),
                _graph("Dead letters", {queue: metrics.queue_length(queue) for queue in self._dead_letter_queues()}),
            ),
            (
                _graph("Credentials of tenants", {"": metrics.business(Metric.CREDENTIALS_ISSUED, REGION)}),
                _graph(
                    "Throttles", {name: metrics.function(name, "Throttles") for name in (*interactive, *background)}
                ),
            ),
            (
                _graph(
                    "Firewall",
                    {each: metrics.firewall(self.region, each) for each in ("BlockedRequests", "CountedRequests")},
                ),
                _graph("Refused by the API", {"4xx": metrics.api("4XXError", "Sum")}),
            ),
            *self._business(),
        ]
        title = f"{region.label or region.name}: alarms"
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=names.stack("region", self.region),
            widgets=[[cloudwatch.AlarmStatusWidget(title=title, alarms=self._alarms.all, width=24)], *map(list, pairs)],
        )

    def _incidents(self) -> dict[str, cloudwatch.Metric]:
        return {
            "break glass": metrics.business(Metric.BREAK_GLASS_USES, "break-glass-watch"),
            "changed policies": metrics.business(Metric.PERIMETER_CHANGES, "break-glass-watch"),
        }

    def _background(self) -> dict[str, cloudwatch.Metric]:
        return {
            "late jobs": metrics.business(Metric.JOBS_LATE, "job-watch", "Maximum"),
            "failed operations": metrics.business(Metric.OPERATIONS_FAILED, "operations-sweep"),
        }

    def _business(self) -> list[tuple[cloudwatch.GraphWidget, cloudwatch.GraphWidget]]:
        documents = {
            "announced": metrics.business(Metric.UPLOADS_ANNOUNCED, "documents"),
            "received": metrics.business(Metric.UPLOADS_RECEIVED, "ingestion-dispatch"),
            "ready": metrics.business(Metric.DOCUMENTS_READY, "processing-finish"),
        }
        seconds = {
            each: metrics.business(Metric.PROCESSING_SECONDS, "processing-start", each) for each in ("p50", "p99")
        }
        return [
            (
                _graph("Documents", documents),
                _graph("Documents that failed", {"": metrics.business_by_dimension(Metric.DOCUMENTS_FAILED)}),
            ),
            (
                _graph("Malware scans", {"": metrics.business_by_dimension(Metric.MALWARE_SCANS)}),
                _graph(
                    "Streams: age of the newest record read (ms)",
                    {each: metrics.function(each, "IteratorAge", "Maximum") for each in self._stream_readers()},
                ),
            ),
            (
                _graph("From the scan's result to ready (s)", seconds),
                _graph("Searches", {"": metrics.business(Metric.SEARCHES, "search")}),
            ),
            (
                _graph("Jobs and workflows", self._background()),
                _graph("Messages of jobs", {each: metrics.queue_length(each) for each in self._job_queues()}),
            ),
            (
                _graph(
                    "Across tenants (should be 0)",
                    {
                        "": metrics.business_by_dimension(Metric.CROSS_TENANT_ATTEMPTS),
                        "detected": metrics.business(Metric.CROSS_TENANT_DETECTED, REGION),
                    },
                ),
                _graph(
                    "Security findings",
                    {
                        "": metrics.business_by_dimension(Metric.SECURITY_FINDINGS),
                        "audit tampered": metrics.business(Metric.AUDIT_TAMPERED, "audit-watch"),
                    },
                ),
            ),
            (
                _graph("Incidents", self._incidents()),
                _graph("Onboarding: errors", {each: metrics.function(each, "Errors") for each in _ONBOARDING}),
            ),
            (
                _graph("Sign-ins", {"": metrics.business_by_dimension(Metric.SIGN_INS)}),
                _graph("Refusals", {"": metrics.business_by_dimension(Metric.REFUSALS)}),
            ),
            (
                _graph("Dropped: not the tenant's", {"": metrics.business_by_dimension(Metric.FOREIGN_IDS)}),
                _graph("Messages of jobs", {each: metrics.queue_length(each) for each in self._job_queues()}),
            ),
        ]

    def _outcomes(self) -> dict[str, cloudwatch.Metric]:
        return {
            f"{kind} {outcome}": metrics.workflow(self.account, self.region, kind, f"Executions{outcome.title()}")
            for kind in names.KINDS
            for outcome in ("succeeded", "failed")
        }


def _graph(
    title: str, left: Mapping[str, _Measured], right: Mapping[str, _Measured] | None = None
) -> cloudwatch.GraphWidget:
    def labelled(found: Mapping[str, _Measured]) -> list[cloudwatch.IMetric]:
        return [metric.with_(label=label) for label, metric in found.items()]

    return cloudwatch.GraphWidget(title=title, left=labelled(left), right=labelled(right or {}), width=12)
