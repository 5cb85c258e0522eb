"""Search collections and their groups, by the SDK at run time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from local import supervisor
from local.aws import client
from local.settings import ACCOUNT, LocalSettings
from local.testing import Cloud, empty_cloud
from tests.local_cloud.callers import assumed, refused, role
from tests.local_cloud.lambdas import HERE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalSettings]:
    with empty_cloud() as settings:
        yield settings


@pytest.fixture(scope="module")
def search(cloud: LocalSettings) -> Any:
    made = client(cloud, "opensearchserverless", HERE)
    encrypted = {"Rules": [{"ResourceType": "collection", "Resource": ["collection/it-*"]}], "AWSOwnedKey": True}
    made.create_security_policy(name="encrypted", type="encryption", policy=json.dumps(encrypted))
    return made


def state(search: Any, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = search.batch_get_collection(names=[name])["collectionDetails"]
    return found[0] if found else {}


def active(search: Any, name: str, **more: Any) -> dict[str, Any]:
    search.create_collection(name=name, type="SEARCH", **more)
    Cloud.eventually(lambda: state(search, name)["status"] == "ACTIVE")
    return state(search, name)


def asked(keys: tuple[str, ...], method: str, url: str, body: Any = None) -> int:
    """The status of a signed request to a collection."""
    request = AWSRequest(method=method, url=url, data=json.dumps(body) if body else "")
    request.headers["Content-Type"] = "application/json"
    SigV4Auth(Credentials(*keys), "aoss", HERE).add_auth(request)
    return requests.request(method, url, data=request.data, headers=dict(request.headers), timeout=60).status_code


def test_a_collection_needs_its_encryption_policy_first(search: Any) -> None:
    with refused("ValidationException"):
        search.create_collection(name="unencrypted", type="SEARCH")


def test_a_collection_is_created_becomes_active_and_is_deleted(search: Any) -> None:
    made = search.create_collection(name="it-lives", type="SEARCH")["createCollectionDetail"]
    assert made["status"] == "CREATING"
    creating = state(search, "it-lives")
    if creating["status"] == "CREATING":
        assert "collectionEndpoint" not in creating
        with refused("ConflictException"):
            search.delete_collection(id=made["id"])
    with refused("ConflictException"):
        search.create_collection(name="it-lives", type="SEARCH")
    Cloud.eventually(lambda: state(search, "it-lives")["status"] == "ACTIVE")
    assert state(search, "it-lives")["collectionEndpoint"].endswith(made["id"])
    listed = search.list_collections(collectionFilters={"name": "it-lives"})["collectionSummaries"]
    assert [each["id"] for each in listed] == [made["id"]]
    assert search.delete_collection(id=made["id"])["deleteCollectionDetail"]["status"] == "DELETING"
    missing = search.batch_get_collection(ids=[made["id"]])["collectionErrorDetails"]
    assert [each["errorCode"] for each in missing] == ["NOT_FOUND"]
    with refused("ResourceNotFoundException"):
        search.delete_collection(id=made["id"])


def test_its_endpoint_serves_whom_the_data_policy_names(cloud: LocalSettings, search: Any) -> None:
    about = active(search, "it-serves")
    arn = role(cloud, "reader", {"Action": "aoss:APIAccessAll", "Resource": about["arn"]})
    keys = assumed(cloud, arn)
    index = f"{about['collectionEndpoint']}/books"
    assert asked(keys, "PUT", index) == 403
    rules = [
        {"ResourceType": "index", "Resource": ["index/it-serves/*"], "Permission": ["aoss:*"]},
        {"ResourceType": "collection", "Resource": ["collection/it-ser*"], "Permission": ["aoss:*"]},
    ]
    policy = json.dumps([{"Rules": rules, "Principal": [arn]}])
    search.create_access_policy(name="reader", type="data", policy=policy)
    assert asked(keys, "PUT", index) == 200
    assert asked(keys, "PUT", f"{index}/_doc/1", {"title": "it"}) == 201
    assert (
        asked(assumed(cloud, role(cloud, "stranger", {"Action": "aoss:APIAccessAll", "Resource": "*"})), "GET", index)
        == 403
    )
    search.delete_access_policy(name="reader", type="data")
    assert asked(keys, "GET", index) == 403
    stored = cloud.state / "search" / about["id"]
    assert [each.name for each in stored.iterdir()] == ["books"]
    search.delete_collection(id=about["id"])
    assert not any(stored.iterdir())


def test_a_data_policy_grants_permissions_one_by_one(cloud: LocalSettings, search: Any) -> None:
    about = active(search, "it-permits")
    arn = role(cloud, "permitted", {"Action": "aoss:APIAccessAll", "Resource": about["arn"]})
    keys, index = assumed(cloud, arn), f"{about['collectionEndpoint']}/books"
    search.create_access_policy(name="permitted", type="data", policy=data_policy(arn, "it-permits/books", ["aoss:*"]))
    assert asked(keys, "PUT", index) == 200
    assert asked(keys, "PUT", f"{about['collectionEndpoint']}/other") == 403, "another index"
    search.delete_access_policy(name="permitted", type="data")
    reads = data_policy(arn, "it-permits/*", ["aoss:ReadDocument", "aoss:DescribeIndex"])
    search.create_access_policy(name="permitted", type="data", policy=reads)
    assert asked(keys, "GET", f"{index}/_count") == 200
    assert asked(keys, "GET", index) == 200
    for method, path in (
        ("PUT", "/_doc/1"),
        ("DELETE", "/_doc/1"),
        ("DELETE", ""),
        ("PUT", "/_mapping"),
        ("PUT", "/_alias/x"),
    ):
        assert asked(keys, method, f"{index}{path}", {}) == 403, path
    search.delete_access_policy(name="permitted", type="data")


def test_a_collections_tag_and_name_are_conditions(cloud: LocalSettings, search: Any) -> None:
    tagged = active(search, "it-tagged", tags=[{"key": "team", "value": "blue"}])
    search.create_access_policy(
        name="tagged",
        type="data",
        policy=json.dumps(
            [
                {
                    "Rules": [{"ResourceType": "index", "Resource": ["index/it-tagged/*"], "Permission": ["aoss:*"]}],
                    "Principal": [f"arn:aws:iam::{ACCOUNT}:role/by-{each}" for each in ("tag", "other-tag", "name")],
                }
            ]
        ),
    )
    for name, condition, refused_ in (
        ("by-tag", {"aws:ResourceTag/team": "blue"}, False),
        ("by-other-tag", {"aws:ResourceTag/team": "red"}, True),
        ("by-name", {"aoss:collection": "it-tagged"}, False),
    ):
        permission = {"Action": "aoss:APIAccessAll", "Resource": "*", "Condition": {"StringEquals": condition}}
        keys = assumed(cloud, role(cloud, name, permission))
        assert (asked(keys, "GET", f"{tagged['collectionEndpoint']}/books/_count") == 403) is refused_, name


def data_policy(principal: str, indexes: str, permissions: list[str]) -> str:
    rule = {"ResourceType": "index", "Resource": [f"index/{indexes}"], "Permission": permissions}
    return json.dumps([{"Rules": [rule], "Principal": [principal]}])


def test_a_collection_that_is_not_active_answers_nothing(cloud: LocalSettings, search: Any) -> None:
    made = search.create_collection(name="it-waits", type="SEARCH")["createCollectionDetail"]
    root = (cloud.root_key, cloud.root_secret)
    status = asked(root, "PUT", f"{cloud.endpoint}/_aoss/{made['id']}/books")
    assert status == 403 or state(search, "it-waits")["status"] == "ACTIVE"


LIMITS = {"minSearchCapacityInOCU": 1, "maxSearchCapacityInOCU": 4, "maxIndexingCapacityInOCU": 2}


def group(search: Any, name: str, **more: Any) -> dict[str, Any]:
    given = {"standbyReplicas": "ENABLED", "capacityLimits": LIMITS, **more}
    made: dict[str, Any] = search.create_collection_group(name=name, **given)["createCollectionGroupDetail"]
    return made


def test_a_group_holds_collections_and_goes_when_it_is_empty(search: Any) -> None:
    made = group(search, "pool", generation="NEXTGEN", description="shared")
    assert made["arn"] == f"arn:aws:aoss:{HERE}:{ACCOUNT}:collection-group/{made['id']}"
    with refused("ConflictException"):
        group(search, "pool")
    inside = active(search, "it-pooled", collectionGroupName="pool")
    assert inside["collectionGroupName"] == "pool"
    [about] = search.batch_get_collection_group(names=["pool"])["collectionGroupDetails"]
    assert (about["numberOfCollections"], about["capacityLimits"], about["generation"]) == (1, LIMITS, "NEXTGEN")
    [about] = search.list_collection_groups(maxResults=1)["collectionGroupSummaries"]
    assert about["name"] == "pool"
    with refused("ConflictException"):
        search.delete_collection_group(id=made["id"])
    search.delete_collection(id=inside["id"])
    search.delete_collection_group(id=made["id"])
    missing = search.batch_get_collection_group(ids=[made["id"]])["collectionGroupErrorDetails"]
    assert [each["errorCode"] for each in missing] == ["NOT_FOUND"]
    with refused("ResourceNotFoundException"):
        search.delete_collection_group(id=made["id"])


def unchecked(cloud: LocalSettings) -> Any:
    """A client that leaves the checks of a request to the service."""
    return boto3.client(
        "opensearchserverless",
        endpoint_url=cloud.endpoint,
        region_name=HERE,
        aws_access_key_id=cloud.root_key,
        aws_secret_access_key=cloud.root_secret,
        config=Config(parameter_validation=False),
    )


def test_limits_of_a_group_change(search: Any) -> None:
    made = group(search, "changed")
    more = {"maxSearchCapacityInOCU": 8}
    changed = search.update_collection_group(id=made["id"], capacityLimits=more)["updateCollectionGroupDetail"]
    assert changed["capacityLimits"] == LIMITS | more
    with refused("ValidationException"):
        search.update_collection_group(id=made["id"], capacityLimits={"minSearchCapacityInOCU": 16})
    with refused("ResourceNotFoundException"):
        search.update_collection_group(id="none", description="it")


@pytest.mark.parametrize(
    "given",
    [
        {"name": "Upper"},
        {"standbyReplicas": "MAYBE"},
        {"generation": "OLD"},
        {"description": "x" * 1001},
        {"capacityLimits": {"maxSearchCapacityInOCU": 0}},
        {"capacityLimits": {"minIndexingCapacityInOCU": 4, "maxIndexingCapacityInOCU": 2}},
    ],
    ids=str,
)
def test_a_group_that_cannot_be_is_refused(cloud: LocalSettings, given: dict[str, Any]) -> None:
    with refused("ValidationException"):
        group(unchecked(cloud), **{"name": "refused", **given})


def test_a_collection_fits_its_group(search: Any) -> None:
    group(search, "fitting")
    with refused("ValidationException"):
        search.create_collection(name="it-unfit", type="SEARCH", collectionGroupName="unknown")
    with refused("ValidationException"):
        search.create_collection(
            name="it-unfit", type="SEARCH", collectionGroupName="fitting", standbyReplicas="DISABLED"
        )
    assert state(search, "it-unfit") == {}


def test_iam_is_asked(cloud: LocalSettings, search: Any) -> None:
    one, two = active(search, "it-one"), active(search, "it-two")
    pool = group(search, "asked-for")
    creator = role(cloud, "creator", {"Action": "aoss:CreateCollection", "Resource": "*"})
    changer = role(
        cloud, "changer", {"Action": ["aoss:UpdateCollection", "aoss:DeleteCollection"], "Resource": one["arn"]}
    )
    by_name = {"StringEquals": {"aoss:collection": ["it-one", "it-new"]}}
    actions = ["aoss:BatchGetCollection", "aoss:CreateAccessPolicy"]
    reader = role(cloud, "reads-by-name", {"Action": actions, "Resource": "*", "Condition": by_name})
    adds = {"Action": "aoss:AddCollectionToCollectionGroup", "Resource": pool["arn"]}
    adder = role(cloud, "adder", {"Action": "aoss:CreateCollection", "Resource": "*"}, adds)

    def as_role(arn: str) -> Any:
        return client(cloud, "opensearchserverless", HERE, assumed(cloud, arn))

    with refused("AccessDeniedException"):
        as_role(changer).create_collection(name="it-denied", type="SEARCH")
    as_role(creator).create_collection(name="it-created", type="SEARCH")
    for more in ({"tags": [{"key": "a", "value": "b"}]}, {"collectionGroupName": "asked-for"}):
        with refused("AccessDeniedException"):
            as_role(creator).create_collection(name="it-denied", type="SEARCH", **more)
    as_role(adder).create_collection(name="it-added", type="SEARCH", collectionGroupName="asked-for")
    as_role(changer).update_collection(id=one["id"], description="changed")
    with refused("AccessDeniedException"):
        as_role(changer).update_collection(id=two["id"], description="changed")
    as_role(reader).batch_get_collection(ids=[one["id"]])
    for denied in ({"ids": [two["id"]]}, {"names": ["it-two"]}):
        with refused("AccessDeniedException"):
            as_role(reader).batch_get_collection(**denied)
    for name, permitted in (("it-new", True), ("it-two", False)):
        rule = {"ResourceType": "index", "Resource": [f"index/{name}/*"], "Permission": ["aoss:*"]}
        request = {"name": name, "type": "data", "policy": json.dumps([{"Rules": [rule], "Principal": [reader]}])}
        if permitted:
            as_role(reader).create_access_policy(**request)
        else:
            with refused("AccessDeniedException"):
                as_role(reader).create_access_policy(**request)


def test_a_template_makes_an_active_collection_in_its_group(cloud: LocalSettings, search: Any) -> None:
    formation = client(cloud, "cloudformation", HERE)
    limits = {"MaxSearchCapacityInOcu": 4, "MinSearchCapacityInOcu": 0}
    properties = {"Name": "templated", "StandbyReplicas": "ENABLED", "CapacityLimits": limits}
    pool: dict[str, Any] = {"Type": "AWS::OpenSearchServerless::CollectionGroup", "Properties": properties}
    inside = {"Name": "it-templated", "Type": "SEARCH", "CollectionGroupName": "templated"}
    collection = {"Type": "AWS::OpenSearchServerless::Collection", "Properties": inside, "DependsOn": "Group"}

    def deployed(action: str) -> None:
        template = {"Resources": {"Group": pool, "Collection": collection}}
        getattr(formation, f"{action}_stack")(StackName="search", TemplateBody=json.dumps(template))
        formation.get_waiter(f"stack_{action}_complete").wait(StackName="search", WaiterConfig={"Delay": 1})

    deployed("create")
    about = state(search, "it-templated")
    assert (about["status"], about["collectionGroupName"]) == ("ACTIVE", "templated")
    limits["MaxSearchCapacityInOcu"] = 8
    deployed("update")
    [known] = search.batch_get_collection_group(names=["templated"])["collectionGroupDetails"]
    assert known["capacityLimits"]["maxSearchCapacityInOCU"] == 8 and known["numberOfCollections"] == 1
    formation.delete_stack(StackName="search")
    formation.get_waiter("stack_delete_complete").wait(StackName="search", WaiterConfig={"Delay": 1})
    assert state(search, "it-templated") == {}
    assert search.batch_get_collection_group(names=["templated"])["collectionGroupDetails"] == []


def test_collections_and_groups_outlive_a_stop(cloud: LocalSettings, search: Any) -> None:
    group(search, "kept")
    about = active(search, "it-kept", collectionGroupName="kept")
    supervisor.stop(cloud)
    supervisor.start(cloud)
    assert state(search, "it-kept") == about | {"lastModifiedDate": state(search, "it-kept")["lastModifiedDate"]}
    [known] = search.batch_get_collection_group(names=["kept"])["collectionGroupDetails"]
    assert known["numberOfCollections"] == 1
