"""CloudFormation types that the emulator does not know. Those of OpenSearch Serverless are created; the others are accepted, do nothing,
and are listed by ``./dp status``."""

from __future__ import annotations

import json
from typing import Any

from local.cloud.patches import expect, require

ACCEPTED = {
    "AWS::WAFv2::WebACLAssociation": "WAF: rules are deployed, requests are not filtered",
    "AWS::OpenSearchServerless::CollectionGroup": "collection groups: a collection has no capacity limits",
    "AWS::GuardDuty::MalwareProtectionPlan": "GuardDuty: a scanner that knows the EICAR test file stands in",
}


def apply() -> None:
    from ministack.services import opensearchserverless as aoss
    from ministack.services.cloudformation import provisioners

    handlers = require(provisioners, "_RESOURCE_HANDLERS")
    expect("AWS::S3::Bucket" in handlers, "provisioners._RESOURCE_HANDLERS")
    for name in ("_create_access_policy", "_create_security_policy", "_create_collection", "_collections"):
        require(aoss, name)
    policy = {"create": _policy_maker(aoss), "update": _policy_changer(aoss), "delete": _policy_remover(aoss)}
    handlers["AWS::OpenSearchServerless::SecurityPolicy"] = policy
    handlers["AWS::OpenSearchServerless::AccessPolicy"] = policy
    handlers["AWS::OpenSearchServerless::Collection"] = {
        "create": _collection_maker(aoss),
        "update": lambda physical_id, _old, _new, _stack: (physical_id, _facts(aoss._collections[physical_id])),
        "delete": lambda physical_id, _properties: aoss._delete_collection({"id": physical_id}),
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
    def create(_logical_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
        from local.cloud.search_authorization import endpoint

        wanted = {
            name: value for name, value in _members(properties).items() if name in ("name", "type", "description")
        }
        made = _checked(aoss._create_collection(wanted))["createCollectionDetail"]
        record = aoss._collections[made["id"]]
        record["collectionEndpoint"] = endpoint(made["id"])
        return made["id"], _facts(record)

    return create


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
