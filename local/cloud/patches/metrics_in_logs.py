"""Metrics in CloudWatch's embedded format: a log line of that format becomes metrics, whoever wrote it (a function or
PutLogEvents).

A line that breaks the format gives no metric. It is counted in ``AWS/Logs`` as ``EMFParsingErrors`` or
``EMFValidationErrors``, by its log group
(docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html). Alarms
look at new metrics after a second. An alarm sees the metric of its own dimensions only.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import math
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from local.cloud import lifecycle
from local.cloud.patches import expect, require

_ALARM = "for (k_ns, k_mn, _), pts in _metrics.items():\n        if k_ns == ns and k_mn == mn:"
_ALARM_OF_DIMENSIONS = (
    "wanted = _dims_key(_dims_from_list(alarm.get('Dimensions') or []))\n"
    "    for (k_ns, k_mn, k_dims), pts in _metrics.items():\n"
    "        if k_ns == ns and k_mn == mn and k_dims == wanted:"
)
_METRICS, _DIMENSIONS, _VALUES = (
    100,
    30,
    100,
)  # at most: metrics of a directive, dimensions of a set, values of a metric
_LONGEST_NAME = 1024
_SIZES = [f"{factor}{what}" for what in ("bytes", "bits") for factor in ("", "kilo", "mega", "giga", "tera")]
_UNITS = [
    each.capitalize() for each in ("seconds", "microseconds", "milliseconds", "percent", "count", "none", *_SIZES)
]
_UNITS += [f"{each.capitalize()}/Second" for each in (*_SIZES, "count")]
_OLDEST, _NEWEST = 14 * 86_400, 2 * 3_600  # seconds before and after now
_EVERY = 1.0  # seconds between two looks at the alarms

_waiting: set[tuple[str, str]] = set()
"""Account and region where alarms are about to look."""


class Datum(NamedTuple):
    namespace: str
    name: str
    dimensions: dict[str, str]
    unit: str
    values: list[float]
    at: float


class Malformed(ValueError):
    """The line says that it is of the format, and is not."""


def apply() -> None:
    from ministack.services import cloudwatch, cloudwatch_logs

    for name in ("_metric_bucket", "_dims_key", "_dims_from_list", "_evaluate_all_alarms"):
        require(cloudwatch, name)
    fan_out = require(cloudwatch_logs, "_fanout_to_subscription_filters")
    source = inspect.getsource(require(cloudwatch, "_evaluate_alarm"))
    expect(source.count(_ALARM) == 1, "cloudwatch._evaluate_alarm")
    exec(compile(source.replace(_ALARM, _ALARM_OF_DIMENSIONS), cloudwatch.__file__, "exec"), vars(cloudwatch))

    def with_metrics(group: str, stream: str, events: list[dict[str, Any]]) -> None:
        for event in events:
            if '"_aws"' in event.get("message", ""):
                _record_metrics_of(group, event["message"])
        fan_out(group, stream, events)

    cloudwatch_logs._fanout_to_subscription_filters = with_metrics


def _record_metrics_of(group: str, message: str) -> None:
    try:
        found = list(metrics_of(message, time.time()))
    except Malformed:
        found = [_error("EMFValidationErrors", group)]
    except (ValueError, RecursionError):
        found = [_error("EMFParsingErrors", group)]
    if found:
        lifecycle.on_loop(_store, found)  # where the emulator reads metrics, which are dictionaries without a lock


def _error(name: str, group: str) -> Datum:
    return Datum("AWS/Logs", name, {"LogGroupName": group}, "Count", [1.0], time.time())


def metrics_of(message: str, now: float) -> Iterator[Datum]:
    """The metrics of a line. Raises ValueError where it is not JSON, and Malformed where it breaks the format."""
    document = json.loads(message[max(message.find("{"), 0) :])  # a logger may have put the time before it
    about = document.get("_aws") if isinstance(document, dict) else None
    if not isinstance(about, dict) or "CloudWatchMetrics" not in about:
        return
    at: Any = about.get("Timestamp")
    _demand(_is_number(at) and now - _OLDEST <= at / 1000 <= now + _NEWEST, "Timestamp")
    directives = about["CloudWatchMetrics"]
    _demand(isinstance(directives, list), "CloudWatchMetrics")
    found = [datum for directive in directives for datum in _directive(directive, document, at / 1000)]
    yield from found


def _directive(directive: Any, document: dict[str, Any], at: float) -> Iterator[Datum]:
    _demand(isinstance(directive, dict), "directive")
    namespace, sets, metrics = (directive.get(name) for name in ("Namespace", "Dimensions", "Metrics"))
    _demand(isinstance(namespace, str) and 0 < len(namespace) <= 255, "Namespace")
    _demand(isinstance(sets, list) and isinstance(metrics, list) and len(metrics) <= _METRICS, "Metrics")
    several = [_dimensions(each, document) for each in sets]
    for metric in metrics:
        name = metric.get("Name") if isinstance(metric, dict) else None
        _demand(isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME, "Name")
        _demand(metric.get("StorageResolution", 60) in (1, 60), "StorageResolution")
        unit = metric.get("Unit", "None")
        _demand(unit in _UNITS, "Unit")
        if name in document:  # a metric without a value is none
            for dimensions in several:
                yield Datum(namespace, name, dimensions, unit, _values(document[name]), at)


def _dimensions(names: Any, document: dict[str, Any]) -> dict[str, str]:
    _demand(isinstance(names, list) and len(names) <= _DIMENSIONS, "Dimensions")
    found = {name: document.get(name) for name in names if isinstance(name, str)}
    _demand(len(found) == len(names), "Dimensions")
    for value in found.values():
        _demand(isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME, "a dimension's value")
    return {name: str(value) for name, value in found.items()}


def _values(given: Any) -> list[float]:
    values = given if isinstance(given, list) else [given]
    _demand(0 < len(values) <= _VALUES and all(map(_is_number, values)), "a metric's value")
    return [float(each) for each in values]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _demand(condition: bool, what: str) -> None:
    if not condition:
        raise Malformed(what)


def _store(found: list[Datum]) -> None:
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import cloudwatch

    for datum in found:
        _append(cloudwatch._metric_bucket((datum.namespace, datum.name, cloudwatch._dims_key(datum.dimensions))), datum)
    here = (get_account_id(), get_region())
    if here not in _waiting:
        _waiting.add(here)
        asyncio.get_running_loop().call_later(_EVERY, _look_at_alarms, here)  # in the same account and region


def _append(points: list[dict[str, Any]], datum: Datum) -> None:
    """Equal values of one second become one point with a count, so that load does not fill the memory."""
    about = {"Timestamp": datum.at, "Unit": datum.unit, "Dimensions": datum.dimensions}
    for value in datum.values:
        last = points[-1] if points else {}
        if "Count" in last and (int(last["Timestamp"]), last["Unit"], last["Value"]) == (
            int(datum.at),
            datum.unit,
            value,
        ):
            last["Count"] += 1.0
        else:
            points.append({**about, "Value": value, "Count": 1.0})


def _look_at_alarms(here: tuple[str, str]) -> None:
    from ministack.services import cloudwatch

    _waiting.discard(here)
    cloudwatch._evaluate_all_alarms()
