"""Search collections that are created at run time: their endpoint is the local cloud's, they become active after a
moment, and may be in a group. IAM is asked by ARN where AWS does so, by ``aoss:collection`` and
``aoss:collection-group``, and for what a request does besides
(docs.aws.amazon.com/service-authorization/latest/reference/list_amazonopensearchserverless.html).

A collection has no endpoint and answers nothing before it is active. CloudFormation waits for that, as on AWS.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from local.cloud import lifecycle
from local.cloud.patches import expect, require

_CREATION = 1.0  # seconds; minutes on AWS
_GROUP = "collectionGroupName"
_ENDPOINTS = ("collectionEndpoint", "dashboardEndpoint")
_SERVICE = "opensearchserverless"
_RESOURCES = {
    "UpdateCollection": "collection",
    "DeleteCollection": "collection",
    "UpdateCollectionGroup": "collection-group",
    "DeleteCollectionGroup": "collection-group",
}
"""What an operation is permitted on; every other one on ``*``."""


def apply() -> None:
    from ministack.core import iam_actions
    from ministack.services import opensearchserverless as aoss

    from local.cloud import search_authorization
    from local.cloud.patches import collection_groups

    for name in ("_collection_endpoint", "_Invalid", "_collections", "_access_policies", "_security_policies"):
        require(aoss, name)
    aoss._collection_endpoint = search_authorization.endpoint
    _take_a_moment(aoss)
    _show_what_is_there(aoss)
    collection_groups.apply_to(aoss)
    _create_in_groups(aoss)
    _delete_indexes_too(aoss, search_authorization.forget)
    _ask_by_name(iam_actions, aoss)


def _take_a_moment(aoss: Any) -> None:
    provision, start = require(aoss, "_provision"), require(aoss, "_start_provisioning")

    def provision_later(record: dict[str, Any]) -> None:
        time.sleep(_CREATION)
        provision(record)

    def started(record: dict[str, Any]) -> None:
        if lifecycle.listening():
            aoss.spawn_background(provision_later, record, thread_name=f"collection-{record['id']}")
        else:  # it was there before the cloud stopped
            provision(record)

    expect(start.__code__.co_names[0] == "spawn_background", "opensearchserverless._start_provisioning")
    aoss._start_provisioning = started


def _show_what_is_there(aoss: Any) -> None:
    detail = require(aoss, "_collection_detail")
    for name in ("_DETAIL_FIELDS", "_CREATE_FIELDS", "_SUMMARY_FIELDS"):
        setattr(aoss, name, (*require(aoss, name), _GROUP))

    def shown(record: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
        hidden = _ENDPOINTS if record["status"] == "CREATING" else ()
        known: dict[str, Any] = detail(record, [each for each in fields if each not in hidden])
        return known

    aoss._collection_detail = shown


def _create_in_groups(aoss: Any) -> None:
    create, handlers = require(aoss, "_create_collection"), require(aoss, "_HANDLERS")

    def created(data: dict[str, Any]) -> Any:
        name = data.get(_GROUP)
        if not name:
            return create(data)
        group = _group_named(aoss, name)
        if group is None:
            raise aoss._Invalid(f"Collection group with name {name} is not found")
        if data.get("standbyReplicas", "ENABLED") != group["standbyReplicas"]:
            raise aoss._Invalid("The collection and its group must have the same standbyReplicas")
        status, headers, body = create({key: value for key, value in data.items() if key != _GROUP})
        answer = json.loads(body)
        about = answer["createCollectionDetail"]
        aoss._collections[about["id"]][_GROUP] = about[_GROUP] = name
        return status, headers, json.dumps(answer).encode()

    def created_if_allowed(data: dict[str, Any]) -> Any:
        return _refusal(aoss, data) or created(data)

    aoss._create_collection, handlers["CreateCollection"] = created, created_if_allowed


def _delete_indexes_too(aoss: Any, forget: Callable[[str], None]) -> None:
    delete = require(aoss, "_delete_collection")
    expect("DeleteCollection" in require(aoss, "_OFFLOOP"), "opensearchserverless deletes in a thread")

    def deleted(data: dict[str, Any]) -> Any:
        answer = delete(data)  # raises where it is refused
        forget(data["id"])
        return answer

    aoss._delete_collection = aoss._HANDLERS["DeleteCollection"] = deleted


def _refusal(aoss: Any, data: dict[str, Any]) -> Any:
    """The answer to a caller who may create collections, and neither tag them nor add them to the group; None for
    others."""
    from ministack import app
    from ministack.core import iam_evaluator
    from ministack.core.iam_actions import access_denied_response
    from ministack.core.responses import get_region

    caller = require(iam_evaluator, "_verified_key").get()
    group = _group_named(aoss, data.get(_GROUP))
    tags = {tag.get("key"): tag.get("value") for tag in data.get("tags") or () if isinstance(tag, dict)}
    named = {f"aws:RequestTag/{key}": value for key, value in tags.items()} | {"aws:TagKeys": list(tags)}
    asked: list[tuple[str, str, dict[str, Any]]] = [("aoss:TagResource", "*", named)] if tags else []
    if group:
        asked.append(("aoss:AddCollectionToCollectionGroup", group["arn"], {"aoss:collection-group": group["name"]}))
    for action, resource, context in asked if app.AUTH else ():
        denied = iam_evaluator.enforce(
            caller, action, _SERVICE, get_region(), resource_arn=resource, service_context=context
        )
        if denied is not None:
            principal = getattr(denied, "principal_arn", "")
            return access_denied_response(_SERVICE, action, principal, "", resource_arn=resource)
    return None


def _group_named(aoss: Any, name: Any) -> dict[str, Any] | None:
    return next((each for each in aoss._collection_groups.values() if each["name"] == name), None)


def _ask_by_name(iam_actions: Any, aoss: Any) -> None:
    resource_of, context_of = require(iam_actions, "extract_resource_arn"), require(iam_actions, "request_tag_context")

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, *more: Any) -> str:
        if service != _SERVICE:
            return str(resource_of(service, method, path, headers, body, *more))
        operation, (_query, region, owner) = headers.get("x-amz-target", "").rpartition(".")[2], more
        kind = _RESOURCES.get(operation)
        return f"arn:aws:aoss:{region}:{owner}:{kind}/{_object(body).get('id')}" if kind else "*"

    def context(service: str, action: str, body: bytes, parameters: Any) -> dict[str, Any]:
        known: dict[str, Any] = context_of(service, action, body, parameters)
        if service == _SERVICE:
            request = _object(body)
            if action == "aoss:BatchGetCollectionGroup":
                known["aoss:collection-group"] = _names(request, aoss._collection_groups)
            elif action == "aoss:BatchGetCollection":
                known["aoss:collection"] = _names(request, aoss._collections)
            elif action.endswith("Policy"):
                known["aoss:collection"] = _values(set(_collections_of_policy(request, aoss)))
        return known

    iam_actions.extract_resource_arn, iam_actions.request_tag_context = resource, context


def _names(request: dict[str, Any], records: Any) -> str | list[str] | None:
    """Of the collections or groups that the request is about."""
    by_id = {record["id"]: record["name"] for record in records.values()}
    names = [by_id[each] for each in _texts(request.get("ids")) if each in by_id]
    return _values({*names, *_texts(request.get("names"))})


def _values(names: set[str]) -> str | list[str] | None:
    """The value of a condition key, which has several values only where there are several."""
    return next(iter(names)) if len(names) == 1 else sorted(names) or None


def _collections_of_policy(request: dict[str, Any], aoss: Any) -> Iterator[str]:
    """The collections that a policy is about: the one in the request, and the one that there is."""
    stored = {**aoss._security_policies, **aoss._access_policies}.get(f"{request.get('type')}/{request.get('name')}")
    try:
        for policy in (json.loads(request.get("policy") or "[]"), stored["policy"] if stored else []):
            for entry in policy if isinstance(policy, list) else [policy]:
                for rule in entry["Rules"]:
                    yield from (resource.split("/")[1] for resource in rule["Resource"])
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return  # the emulator refuses it


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
