"""CloudFormation types that the emulator does not know. Those of OpenSearch Serverless are created; the others are accepted, do nothing,
and are listed by ``./dp status``."""

from __future__ import annotations

import json
from typing import Any

from local.cloud.patches import expect, require

ACCEPTED = {
    "AWS::WAFv2::WebACLAssociation": "WAF: rules are deployed, requests are not filtered",
    "AWS::EC2::FlowLog": "the isolated network: deployed, and functions run beside it, as processes of this machine",
}


def apply() -> None:
    from ministack.services import opensearchserverless as aoss
    from ministack.services.cloudformation import provisioners

    handlers = require(provisioners, "_RESOURCE_HANDLERS")
    expect("AWS::S3::Bucket" in handlers, "provisioners._RESOURCE_HANDLERS")
    for name in ("_create_access_policy", "_create_security_policy", "_create_collection", "_collections"):
        require(aoss, name)
    for name in ("_delete_access_policy", "_delete_security_policy", "_provision"):
        require(aoss, name)
    policy = {"create": _policy_maker(aoss), "update": _policy_changer(aoss), "delete": _policy_remover(aoss)}
    handlers["AWS::OpenSearchServerless::SecurityPolicy"] = policy
    handlers["AWS::OpenSearchServerless::AccessPolicy"] = policy
    handlers["AWS::OpenSearchServerless::Collection"] = {
        "create": _collection_maker(aoss),
        "update": lambda physical_id, _old, _new, _stack: (physical_id, _facts(aoss._collections[physical_id])),
        "delete": lambda physical_id, _properties: aoss._delete_collection({"id": physical_id}),
    }
    handlers["AWS::OpenSearchServerless::CollectionGroup"] = {
        "create": _group_maker(aoss),
        "update": _group_changer(aoss),
        "delete": _group_remover(aoss),
    }
    for kind in ACCEPTED:
        handlers.setdefault(
            kind,
            {
                "create": _accept,
                "update": lambda physical_id, _old, _new, _stack: (physical_id, _arn(physical_id)),
                "delete": lambda _id, _properties: None,
            },
        )


def _members(properties: dict[str, Any]) -> dict[str, Any]:
    return {name[:1].lower() + name[1:]: value for name, value in properties.items()}


def _checked(answer: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(answer[2])
    if answer[0] >= 400:
        raise ValueError(str(body))
    return body


def _policy_maker(aoss: Any) -> Any:
    def create(_logical_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
        given = _policy(properties)
        make = aoss._create_access_policy if given["type"] == "data" else aoss._create_security_policy
        _checked(make(given))
        return given["name"], {}

    return create


def _policy(properties: dict[str, Any]) -> dict[str, Any]:
    wanted = ("name", "type", "policy", "description")
    return {name: value for name, value in _members(properties).items() if name in wanted}


def _policy_changer(aoss: Any) -> Any:
    create, remove = _policy_maker(aoss), _policy_remover(aoss)

    def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> Any:
        remove(physical_id, old)
        return create("", new, stack)

    return update


def _policy_remover(aoss: Any) -> Any:
    def delete(_physical_id: str, properties: dict[str, Any]) -> None:
        remove = aoss._delete_access_policy if properties["Type"] == "data" else aoss._delete_security_policy
        remove({"name": properties["Name"], "type": properties["Type"]})

    return delete


def _collection_maker(aoss: Any) -> Any:
    wanted = ("name", "type", "description", "standbyReplicas", "collectionGroupName")

    def create(_logical_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
        given = {name: value for name, value in _members(properties).items() if name in wanted}
        made = _checked(aoss._create_collection(given))["createCollectionDetail"]
        record = aoss._collections[made["id"]]
        aoss._provision(record)  # a stack is complete when its collection is active
        return made["id"], _facts(record)

    return create


def _group_maker(aoss: Any) -> Any:
    def create(_logical_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
        made = _checked(aoss._create_collection_group(_group(properties)))["createCollectionGroupDetail"]
        return made["id"], {"Arn": made["arn"], "Id": made["id"]}

    return create


def _group(properties: dict[str, Any]) -> dict[str, Any]:
    given = _members(properties)
    limits = _members(given.pop("capacityLimits", {}))
    tags = [_members(each) for each in given.pop("tags", ())]
    limits = {name.replace("Ocu", "OCU"): float(value) for name, value in limits.items()}
    return {**given, "capacityLimits": limits, "tags": tags}


def _group_changer(aoss: Any) -> Any:
    create, fixed = _group_maker(aoss), ("Name", "StandbyReplicas", "Generation")

    def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> Any:
        known = aoss._collection_groups.get(physical_id)
        if known is None or any(old.get(name) != new.get(name) for name in fixed):
            return create("", new, stack)
        _checked(aoss._update_collection_group({**_group(new), "id": physical_id}))
        return physical_id, {"Arn": known["arn"], "Id": physical_id}

    return update


def _group_remover(aoss: Any) -> Any:
    def delete(physical_id: str, _properties: dict[str, Any]) -> None:
        if physical_id in aoss._collection_groups:
            aoss._delete_collection_group({"id": physical_id})

    return delete


def _facts(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "Arn": record["arn"],
        "Id": record["id"],
        "CollectionEndpoint": record["collectionEndpoint"],
        "DashboardEndpoint": record.get("dashboardEndpoint", ""),
    }


def _accept(logical_id: str, _properties: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
    return f"{stack}-{logical_id}", _arn(f"{stack}-{logical_id}")


def _arn(physical_id: str) -> dict[str, str]:
    return {"Arn": f"arn:aws:local:::{physical_id}"}
