"""Parsing of the options of aggregations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.search_server import errors
from local.search_server.index import dates
from local.search_server.index.fields import Family, Field, Kind

METRICS = {"min", "max", "sum", "avg", "value_count", "cardinality"}
_NOT_OFFERED = {
    "adjacency_matrix", "auto_date_histogram", "composite", "date_range", "diversified_sampler", "extended_stats", "filters",
    "geo_bounds", "geo_centroid", "geo_distance", "geohash_grid", "geotile_grid", "global", "histogram", "ip_range",
    "matrix_stats", "median_absolute_deviation", "missing", "multi_terms", "nested", "parent", "children", "percentile_ranks",
    "percentiles", "rare_terms", "reverse_nested", "sampler", "scripted_metric", "significant_terms", "significant_text", "stats",
    "top_hits", "variable_width_histogram", "weighted_avg",
}  # fmt: skip
_CALENDAR = {
    "minute": "m", "1m": "m", "hour": "h", "1h": "h", "day": "d", "1d": "d", "week": "w", "1w": "w", "month": "M", "1M": "M",
    "quarter": "q", "1q": "q", "year": "y", "1y": "y", "second": "s", "1s": "s",
}  # fmt: skip
_FIXED = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def split(name: str, spec: Any) -> tuple[str, dict[str, Any], dict[str, Any] | None]:
    """Returns the kind, the options and the sub-aggregations."""
    if not isinstance(spec, dict):
        raise errors.parsing(f"Aggregation definition for [{name} starts with a [VALUE], expected a [START_OBJECT].")
    kinds = [key for key in spec if key not in ("aggs", "aggregations")]
    if len(kinds) != 1:
        raise errors.parsing(f"Expected one aggregation type in [{name}], found {kinds}")
    (kind,) = kinds
    if kind in _NOT_OFFERED or kind == "meta":
        raise errors.not_offered(f"the [{kind}] aggregation")
    if kind not in (*METRICS, "terms", "range", "date_histogram", "filter"):
        raise errors.parsing(f"Unknown aggregation type [{kind}]")
    if not isinstance(spec[kind], dict):
        raise errors.parsing(f"Expected [START_OBJECT] under [{kind}], but got a [VALUE] in [{name}]")
    return kind, spec[kind], spec.get("aggs", spec.get("aggregations"))


def bucket_options(options: dict[str, Any]) -> tuple[int, int, bool, bool]:
    size, least = options.get("size", 10), options.get("min_doc_count", 1)
    if not isinstance(size, int) or size <= 0:
        raise errors.illegal_argument(f"[size] must be greater than 0. Found [{size}] in [terms]")
    if not isinstance(least, int) or least < 1:
        raise errors.not_offered("[min_doc_count] below 1 of a [terms] aggregation")
    order = options.get("order", {"_count": "desc"})
    if not isinstance(order, dict) or len(order) != 1 or next(iter(order)) not in ("_count", "_key"):
        raise errors.not_offered("this [order] of a [terms] aggregation")
    ((by, direction),) = order.items()
    if direction not in ("asc", "desc"):
        raise errors.parsing(f"Unknown order direction [{direction}]")
    return size, least, by == "_key", direction == "desc"


def key_json(field: Field, key: Any) -> dict[str, Any]:
    if field.kind is Kind.DATE:
        return {"key": int(key), "key_as_string": dates.iso(int(key))}
    if field.kind is Kind.BOOLEAN:
        return {"key": int(key), "key_as_string": "true" if key else "false"}
    return {"key": int(key) if field.family is Family.INTEGER else key}


def parse_range(spec: Any) -> dict[str, Any]:
    if not isinstance(spec, dict) or set(spec) - {"key", "from", "to"}:
        raise errors.parsing("a range has [key], [from] and [to]")
    try:
        bounds = {name: float(spec[name]) for name in ("from", "to") if spec.get(name) is not None}
    except (TypeError, ValueError):
        raise errors.parsing("[from] and [to] of a range are numbers") from None
    key = spec.get("key") or "-".join(str(bounds.get(name, "*")) for name in ("from", "to"))
    return {"key": key, **bounds}


def interval(options: dict[str, Any]) -> tuple[Callable[[int], int], Callable[[int], int]]:
    """Returns two functions: from the beginning of a bucket to that of the next, and from a moment to the beginning of its bucket.

    All values are in milliseconds.
    """
    calendar, fixed = options.get("calendar_interval"), options.get("fixed_interval")
    if (calendar is None) == (fixed is None):
        raise errors.illegal_argument("Required one of fields [interval, calendar_interval, fixed_interval]")
    if calendar is not None:
        unit = _CALENDAR.get(str(calendar))
        if unit is None:
            raise errors.SearchError(
                400,
                "x_content_parse_exception",
                "[date_histogram] failed to parse field [calendar_interval]",
                caused_by={
                    "type": "illegal_argument_exception",
                    "reason": f"The supplied interval [{calendar}] could not be parsed as a calendar interval.",
                },
            )
        return (
            lambda start: dates.milliseconds(dates.next_start(dates.from_milliseconds(start), unit)),
            lambda moment: dates.milliseconds(dates.floor(dates.from_milliseconds(moment), unit)),
        )
    text = str(fixed)
    number = text.rstrip("mshd")
    width = int(number) * _FIXED[text[len(number) :]] if number.isdigit() and text[len(number) :] in _FIXED else 0
    if width <= 0:
        raise errors.illegal_argument(
            f"failed to parse setting [date_histogram.fixedInterval] with value [{fixed}] as a time value"
        )
    return lambda start: start + width, lambda moment: moment // width * width
