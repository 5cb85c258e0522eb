"""Groups of search collections, which share limits of capacity (docs.aws.amazon.com/opensearch-service: "Managing
collection groups"). The limits are checked and kept; nothing here is limited by them."""

from __future__ import annotations

import copy
import json
from typing import Any

from local.cloud.patches import expect, require

_SUMMARY = ("id", "arn", "name", "numberOfCollections", "createdDate", "capacityLimits", "generation")
_DETAIL = (*_SUMMARY, "standbyReplicas", "description", "tags")
_UPDATED = ("id", "arn", "name", "description", "capacityLimits", "createdDate", "lastModifiedDate", "generation")
_SWITCH = ("ENABLED", "DISABLED")
_VALIDATIONS = ("_validate_enum", "_validate_name", "_validate_tags")


def apply_to(aoss: Any) -> None:
    """Adds the operations, and the groups to what is stored."""
    handlers = require(aoss, "_HANDLERS")
    for name in (
        *("_Invalid", "_collection_arn", "_new_collection_id", "_now_ms", "_page", "AccountRegionScopedDict"),
        *_VALIDATIONS,
    ):
        require(aoss, name)
    expect("CreateCollectionGroup" not in handlers, "the emulator has collection groups by itself now")
    aoss._collection_groups = aoss.AccountRegionScopedDict()
    get_state, load = require(aoss, "get_state"), require(aoss, "load_persisted_state")

    def get_all() -> dict[str, Any]:
        return {**get_state(), "collection_groups": copy.deepcopy(aoss._collection_groups)}

    def load_all(data: dict[str, Any]) -> Any:
        aoss._collection_groups.update((data or {}).get("collection_groups", {}))
        return load(data)

    aoss.get_state, aoss.load_persisted_state = get_all, load_all
    groups = _Groups(aoss)
    handlers |= {
        "CreateCollectionGroup": groups.create,
        "UpdateCollectionGroup": groups.update,
        "DeleteCollectionGroup": groups.delete,
        "BatchGetCollectionGroup": groups.details,
        "ListCollectionGroups": groups.summaries,
    }
    aoss._create_collection_group, aoss._update_collection_group = groups.create, groups.update
    aoss._delete_collection_group = groups.delete


class _Groups:
    """The operations: each takes a request and gives the emulator's answer, or raises its ``_Invalid``."""

    def __init__(self, aoss: Any) -> None:
        self._aoss = aoss

    def create(self, data: dict[str, Any]) -> Any:
        aoss, name = self._aoss, data.get("name")
        aoss._validate_name(name, "name", 32)
        aoss._validate_enum(data.get("standbyReplicas"), "standbyReplicas", _SWITCH)
        aoss._validate_enum(data.get("generation", "CLASSIC"), "generation", ("CLASSIC", "NEXTGEN"))
        tags = data.get("tags") or []
        aoss._validate_tags(tags)
        if self._find("name", name):
            raise aoss._Invalid(f"A collection group with name {name} already exists", "ConflictException")
        now, identity = aoss._now_ms(), aoss._new_collection_id()
        record = {
            "id": identity,
            "arn": aoss._collection_arn(identity).replace(":collection/", ":collection-group/"),
            "name": name,
            "standbyReplicas": data["standbyReplicas"],
            "generation": data.get("generation", "CLASSIC"),
            "description": self._description(data),
            "capacityLimits": self._limits(data.get("capacityLimits")),
            "tags": tags,
            "createdDate": now,
            "lastModifiedDate": now,
        }
        aoss._collection_groups[identity] = record
        return _answer("createCollectionGroupDetail", self._shown(record, _DETAIL[:3] + _DETAIL[4:]))

    def update(self, data: dict[str, Any]) -> Any:
        record = self._existing(data)
        changes: dict[str, Any] = {"lastModifiedDate": self._aoss._now_ms()}
        if "description" in data:
            changes["description"] = self._description(data)
        if "capacityLimits" in data:
            changes["capacityLimits"] = self._limits({**record["capacityLimits"], **(data["capacityLimits"] or {})})
        record |= changes
        return _answer("updateCollectionGroupDetail", self._shown(record, _UPDATED))

    def delete(self, data: dict[str, Any]) -> Any:
        record = self._existing(data)
        if self._members(record):
            reason = f"Collection group with id {record['id']} has collections; delete them first"
            raise self._aoss._Invalid(reason, "ConflictException")
        del self._aoss._collection_groups[record["id"]]
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, b"{}"

    def details(self, data: dict[str, Any]) -> Any:
        ids, names = data.get("ids"), data.get("names")
        if bool(ids) == bool(names):
            raise self._aoss._Invalid("You must provide either ids or names, but not both")
        by = "id" if ids else "name"
        found = {value: self._find(by, value) for value in ids or names or ()}
        missing = {"errorCode": "NOT_FOUND", "errorMessage": "The specified Collection group is not found."}
        answer = {
            "collectionGroupDetails": [self._shown(each, _DETAIL) for each in found.values() if each],
            "collectionGroupErrorDetails": [{by: value, **missing} for value, each in found.items() if not each],
        }
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(answer).encode()

    def summaries(self, data: dict[str, Any]) -> Any:
        known = sorted(self._aoss._collection_groups.values(), key=lambda each: each["createdDate"])
        page, token = self._aoss._page([self._shown(each, _SUMMARY) for each in known], data)
        return _answer("collectionGroupSummaries", page, **({"nextToken": token} if token else {}))

    def _find(self, by: str, value: Any) -> dict[str, Any] | None:
        return next((each for each in self._aoss._collection_groups.values() if each[by] == value), None)

    def _existing(self, data: dict[str, Any]) -> dict[str, Any]:
        record = self._find("id", data.get("id"))
        if record is None:
            raise self._aoss._Invalid(
                f"Collection group with id {data.get('id')} is not found", "ResourceNotFoundException"
            )
        return record

    def _members(self, record: dict[str, Any]) -> int:
        named = [each.get("collectionGroupName") for each in self._aoss._collections.values()]
        return named.count(record["name"])

    def _shown(self, record: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
        known = {**record, "numberOfCollections": self._members(record)}
        return {name: copy.deepcopy(known[name]) for name in fields}

    def _description(self, data: dict[str, Any]) -> str:
        description = data.get("description") or ""
        if not isinstance(description, str) or len(description) > 1000:
            raise self._aoss._Invalid("Description must be at most 1000 characters")
        return description

    def _limits(self, given: Any) -> dict[str, float]:
        limits = given or {}
        known = [f"{end}{what}CapacityInOCU" for end in ("min", "max") for what in ("Indexing", "Search")]
        if not isinstance(limits, dict) or not all(type(value) in (int, float) for value in limits.values()):
            raise self._aoss._Invalid("capacityLimits must be numbers")
        for name, value in limits.items():
            least = 1 if name.startswith("max") else 0
            if name not in known or value < least:
                raise self._aoss._Invalid(f"Value '{value}' at 'capacityLimits.{name}' must be at least {least}")
        for what in ("Indexing", "Search"):
            low, high = limits.get(f"min{what}CapacityInOCU", 0), limits.get(f"max{what}CapacityInOCU", float("inf"))
            if low > high:
                raise self._aoss._Invalid(f"The minimum {what.lower()} capacity is above the maximum")
        return {name: float(value) for name, value in limits.items()}


def _answer(name: str, content: Any, **more: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps({name: content, **more}).encode()
