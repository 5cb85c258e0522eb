"""The credentials of a handler reach its tenant's data and nothing of another tenant. Plain boto3, no code of ours."""

import json
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from local.testing import AwsSession
from tests.e2e.client import Member, TenantSite
from tests.e2e.conftest import US

REFUSED = {"AccessDenied", "AccessDeniedException", "403"}


def refused(call: Any) -> None:
    with pytest.raises(ClientError) as error:
        call()
    assert error.value.response["Error"]["Code"] in REFUSED, error.value


def key(pk: str, sk: str = "doc") -> dict[str, dict[str, str]]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


@pytest.fixture(scope="module")
def credentials(acme: TenantSite) -> AwsSession:
    """Those that a function has while it acts for acme: index-sync, which needs items, files and search."""
    return acme.site.cloud.as_tenant(US, acme.id)


@pytest.fixture(scope="module")
def theirs(bob: Member, hooli: TenantSite) -> str:
    """A processed document of hooli."""
    document_id = bob.uploads("secret.txt", b"the secret of hooli", "text/plain")
    bob.waits_for(document_id)
    return document_id


@pytest.fixture(scope="module")
def own(ann: Member) -> str:
    document_id = ann.uploads("own.txt", b"nothing secret", "text/plain")
    ann.waits_for(document_id)
    return document_id


def test_items(credentials: AwsSession, acme: TenantSite, hooli: TenantSite, own: str, theirs: str) -> None:
    database, table = credentials.client("dynamodb"), "docplatform-data"
    mine, foreign = f"{acme.id}#doc#{own}", f"{hooli.id}#doc#{theirs}"
    assert "Item" in database.get_item(TableName=table, Key=key(mine))
    refused(lambda: database.get_item(TableName=table, Key=key(foreign)))
    for wanted in (foreign, f"{acme.id}x#doc#{own}", own, "#", f"{hooli.id}#usage"):
        refused(lambda wanted=wanted: database.get_item(TableName=table, Key=key(wanted)))
        refused(lambda wanted=wanted: database.put_item(TableName=table, Item=key(wanted)))
        refused(lambda wanted=wanted: database.delete_item(TableName=table, Key=key(wanted)))
    refused(
        lambda: database.update_item(
            TableName=table,
            Key=key(foreign),
            UpdateExpression="SET x = :x",
            ExpressionAttributeValues={":x": {"S": "x"}},
        )
    )


def test_queries_of_table_and_indexes(
    credentials: AwsSession, acme: TenantSite, hooli: TenantSite, own: str, theirs: str
) -> None:
    database, table = credentials.client("dynamodb"), "docplatform-data"

    def query(partition: str, index: str = "") -> Any:
        more = {"IndexName": index} if index else {}
        return database.query(
            TableName=table,
            KeyConditionExpression=f"{index}pk = :p",
            ExpressionAttributeValues={":p": {"S": partition}},
            **more,
        )

    assert query(f"{acme.id}#doc#{own}")["Count"] >= 1
    assert query(f"{acme.id}#children#root", "gsi1")["Count"] >= 1
    refused(lambda: query(f"{hooli.id}#doc#{theirs}"))
    for index in ("gsi1", "gsi2", "gsi3"):
        refused(lambda index=index: query(f"{hooli.id}#children#root", index))
        refused(lambda index=index: query(f"{hooli.id}#users", index))


def test_batches_and_transactions_with_one_foreign_key(
    credentials: AwsSession, acme: TenantSite, hooli: TenantSite, own: str, theirs: str
) -> None:
    database, table = credentials.client("dynamodb"), "docplatform-data"
    mine, foreign = key(f"{acme.id}#doc#{own}"), key(f"{hooli.id}#doc#{theirs}")
    assert database.batch_get_item(RequestItems={table: {"Keys": [mine]}})["Responses"][table]
    refused(lambda: database.batch_get_item(RequestItems={table: {"Keys": [mine, foreign]}}))
    refused(lambda: database.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": foreign}}]}))
    refused(lambda: database.transact_get_items(TransactItems=[{"Get": {"TableName": table, "Key": foreign}}]))
    refused(
        lambda: database.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": table, "Item": key(f"{acme.id}#probe")}},
                {"Put": {"TableName": table, "Item": key(f"{hooli.id}#probe")}},
            ]
        )
    )
    assert "Item" not in database.get_item(TableName=table, Key=key(f"{acme.id}#probe"))


def test_scans_and_partiql_are_closed(credentials: AwsSession, acme: TenantSite) -> None:
    database = credentials.client("dynamodb")
    for table in ("docplatform-data", "docplatform-audit"):
        refused(lambda table=table: database.scan(TableName=table))
        refused(lambda table=table: database.scan(TableName=table, Limit=1))
        refused(lambda table=table: database.execute_statement(Statement=f'SELECT * FROM "{table}"'))
    refused(lambda: database.get_item(TableName="docplatform-registry", Key=key(f"tenant#{acme.id}", "tenant")))


def test_the_audit_trail_is_append_only(credentials: AwsSession, acme: TenantSite, hooli: TenantSite) -> None:
    database, table = credentials.client("dynamodb"), "docplatform-audit"
    record = key(f"{acme.id}#2000-01-01", "probe")
    database.put_item(TableName=table, Item=record, ConditionExpression="attribute_not_exists(pk)")
    refused(lambda: database.delete_item(TableName=table, Key=record))
    refused(
        lambda: database.update_item(
            TableName=table,
            Key=record,
            UpdateExpression="SET x = :x",
            ExpressionAttributeValues={":x": {"S": "x"}},
        )
    )
    refused(lambda: database.put_item(TableName=table, Item=key(f"{hooli.id}#2000-01-01", "probe")))


def test_objects_and_listings(
    credentials: AwsSession, acme: TenantSite, hooli: TenantSite, own: str, theirs: str
) -> None:
    storage, bucket = credentials.client("s3"), acme.site.cloud.documents_bucket(US)
    cloud = acme.site.cloud
    mine = cloud.stored_objects(US, f"tenants/{acme.id}/documents/{own}/")
    foreign = cloud.stored_objects(US, f"tenants/{hooli.id}/documents/{theirs}/")
    assert mine and foreign
    assert storage.get_object(Bucket=bucket, Key=mine[0])["Body"].read()
    for name in foreign:
        refused(lambda name=name: storage.get_object(Bucket=bucket, Key=name))
        refused(lambda name=name: storage.head_object(Bucket=bucket, Key=name))
        refused(lambda name=name: storage.put_object(Bucket=bucket, Key=name, Body=b"x"))
        refused(lambda name=name: storage.delete_object(Bucket=bucket, Key=name))
        refused(
            lambda name=name: storage.copy_object(
                Bucket=bucket, Key=f"tenants/{acme.id}/stolen", CopySource={"Bucket": bucket, "Key": name}
            )
        )
    assert storage.list_objects_v2(Bucket=bucket, Prefix=f"tenants/{acme.id}/")["KeyCount"] >= 1
    for prefix in ("", "tenants/", f"tenants/{hooli.id}/", f"tenants/{acme.id}"):
        refused(lambda prefix=prefix: storage.list_objects_v2(Bucket=bucket, Prefix=prefix))
    refused(lambda: storage.get_object(Bucket=bucket, Key=f"tenants/{acme.id}x/anything"))
    for name in (f"tenants//{acme.id}/x", f"/tenants/{acme.id}/x", f"tenants/{acme.id}"):  # other names than they seem
        refused(lambda name=name: storage.put_object(Bucket=bucket, Key=name, Body=b"x"))


def test_a_presigned_link_made_by_hand_for_a_neighbour_is_worthless(
    credentials: AwsSession, acme: TenantSite, hooli: TenantSite, own: str, theirs: str
) -> None:
    cloud, storage = acme.site.cloud, credentials.client("s3")

    def opened(tenant: TenantSite, document: str) -> int:
        name = cloud.stored_objects(US, f"tenants/{tenant.id}/documents/{document}/")[0]
        what = {"Bucket": cloud.documents_bucket(US), "Key": name}
        return requests.get(
            storage.generate_presigned_url("get_object", Params=what, ExpiresIn=60), timeout=30
        ).status_code

    assert [opened(acme, own), opened(hooli, theirs)] == [200, 403]


def test_keys(acme: TenantSite, hooli: TenantSite) -> None:
    keys = acme.site.cloud.as_tenant(US, acme.id, function="identity").client("kms")
    root = acme.site.cloud.root("kms", US)
    key_id = root.describe_key(KeyId="alias/docplatform-data")["KeyMetadata"]["Arn"]
    own_context, foreign_context = {"tenant_id": acme.id}, {"tenant_id": hooli.id}
    made = keys.generate_data_key(KeyId=key_id, KeySpec="AES_256", EncryptionContext=own_context)
    assert keys.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=own_context)["Plaintext"]
    disguised = {"tenant_id": hooli.id, "TENANT_ID": acme.id}  # IAM does not compare the case of a name
    for context in (foreign_context, {}, {"tenant": acme.id}, disguised):
        refused(
            lambda context=context: keys.generate_data_key(KeyId=key_id, KeySpec="AES_256", EncryptionContext=context)
        )
        refused(lambda context=context: keys.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=context))


# -- search: a collection for each tenant, and three policies that each refuse another tenant alone

ENTRY = "/documents-2/_doc/{tenant}.{document}"


def session_policy(collection: str) -> dict[str, Any]:
    """What a handler passes to AssumeRole: everything of the role, and of all collections this one."""
    everything_else = {"Effect": "Allow", "NotAction": "aoss:*", "Resource": "*"}
    own = {"Effect": "Allow", "Action": "aoss:APIAccessAll", "Resource": collection}
    return {"Version": "2012-10-17", "Statement": [everything_else, own]}


def search_requests(tenant: str, document: str) -> list[tuple[str, str, str]]:
    """Method, path and body of what somebody may try in a search collection."""
    entry = ENTRY.format(tenant=tenant, document=document)
    everything = json.dumps({"query": {"match_all": {}}})
    forged = json.dumps({"tenant_id": tenant, "document_id": document, "text": "forged"})
    return [
        ("GET", entry, ""),
        ("HEAD", entry, ""),
        ("GET", "/documents-2/_count", ""),
        ("POST", "/documents-2/_search", everything),
        ("POST", "/_search", everything),
        ("POST", "/documents-2/_search?scroll=1m", everything),
        ("POST", "/_search/scroll", json.dumps({"scroll_id": "x"})),
        ("POST", "/_msearch", f'{{"index": "documents-2"}}\n{everything}\n'),
        ("POST", "/_mget", json.dumps({"docs": [{"_index": "documents-2", "_id": f"{tenant}.{document}"}]})),
        ("PUT", entry, forged),
        ("POST", f"/documents-2/_update/{tenant}.{document}", json.dumps({"doc": {"text": "forged"}})),
        ("POST", "/_bulk", f'{{"delete": {{"_index": "documents-2", "_id": "{tenant}.{document}"}}}}\n'),
        ("POST", "/documents-2/_delete_by_query", everything),
        ("DELETE", entry, ""),
        ("PUT", "/stolen", "{}"),
        ("PUT", "/documents-2/_mapping", "{}"),
        ("POST", "/_aliases", json.dumps({"actions": [{"add": {"index": "documents-2", "alias": "stolen"}}]})),
        ("PUT", "/documents-2/_alias/stolen", ""),
        ("GET", "/_cat/indices", ""),
        ("DELETE", "/documents-2", ""),
    ]


def searches(tenant: TenantSite, caller: AwsSession | None, method: str = "GET", path: str = "", body: str = "") -> int:
    """The status of a request to the tenant's collection."""
    path = path or "/documents-2/_count"
    return tenant.site.cloud.search_request(US, caller, method, path, of=tenant.id, body=body).status_code


def test_a_tenants_credentials_reach_its_own_collection(
    credentials: AwsSession, acme: TenantSite, ann: Member, own: str
) -> None:
    ann.finds("nothing secret", own)
    handler = acme.site.cloud.as_tenant(US, acme.id, session_policy(acme.site.cloud.collection(US, acme.id)["arn"]))
    for caller in (credentials, handler):
        assert searches(acme, caller) == 200
        assert searches(acme, caller, "GET", ENTRY.format(tenant=acme.id, document=own)) == 200
        assert searches(acme, caller, "DELETE", "/documents-2") == 403  # nobody deletes an index
        assert searches(acme, caller, "PUT", "/documents-2/_mapping", "{}") == 403
        assert searches(acme, caller, "POST", "/_aliases", "{}") == 403


def test_no_request_of_a_tenant_reaches_another_tenants_collection(
    credentials: AwsSession, acme: TenantSite, hooli: TenantSite, bob: Member, theirs: str
) -> None:
    bob.finds("the secret of hooli", theirs)
    handler = acme.site.cloud.as_tenant(US, acme.id, session_policy(acme.site.cloud.collection(US, acme.id)["arn"]))
    for caller in (credentials, handler, acme.site.cloud.as_operator(US), None):
        tried = {
            (method, path): searches(hooli, caller, method, path, body)
            for method, path, body in search_requests(hooli.id, theirs)
        }
        assert set(tried.values()) == {403}, tried
    bob.finds("the secret of hooli", theirs)


def test_the_session_policy_alone_refuses_another_collection(acme: TenantSite, hooli: TenantSite) -> None:
    """hooli's collection carries acme's tag, so the role's own policy lets acme in."""
    cloud = acme.site.cloud
    search, arn = cloud.root("opensearchserverless", US), cloud.collection(US, hooli.id)["arn"]
    handler = cloud.as_tenant(US, acme.id, session_policy(cloud.collection(US, acme.id)["arn"]))
    search.tag_resource(resourceArn=arn, tags=[{"key": "tenant_id", "value": acme.id}])
    try:
        assert searches(hooli, cloud.as_tenant(US, acme.id)) == 200
        assert searches(hooli, handler) == 403
    finally:
        search.tag_resource(resourceArn=arn, tags=[{"key": "tenant_id", "value": hooli.id}])


def test_the_tag_alone_refuses_another_collection(acme: TenantSite, hooli: TenantSite) -> None:
    """The session policy names hooli's collection, as that of a handler which mistakes the collection."""
    cloud = acme.site.cloud
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    for policy in (None, everything, session_policy(cloud.collection(US, hooli.id)["arn"])):
        assert searches(hooli, cloud.as_tenant(US, acme.id, policy)) == 403
        assert searches(hooli, cloud.as_tenant(US, hooli.id, policy)) == 200


def test_the_data_access_policy_alone_refuses_who_is_no_tenant(acme: TenantSite) -> None:
    """Even root, whom no identity policy limits."""
    cloud = acme.site.cloud
    root = AwsSession(cloud.settings, US, (cloud.settings.root_key, cloud.settings.root_secret))
    assert searches(acme, root) == 403


def test_what_a_tenant_stores_under_anothers_ids_reaches_nothing_of_it(
    credentials: AwsSession, acme: TenantSite, hooli: TenantSite, ann: Member, bob: Member, own: str, theirs: str
) -> None:
    """An item and a file under hooli's ids, stored with acme's credentials: stream, queue and workflow take them up."""
    cloud, database, table = acme.site.cloud, credentials.client("dynamodb"), "docplatform-data"
    bob.finds("the secret of hooli", theirs)
    version = bob.document(theirs)["version"]["id"]
    stored = cloud.stored_objects(US, f"tenants/{hooli.id}/documents/{theirs}/")
    item = database.get_item(TableName=table, Key=key(f"{acme.id}#doc#{own}"))["Item"]
    forged = {**item, **key(f"{acme.id}#doc#{theirs}"), "id": {"S": theirs}}
    database.put_item(TableName=table, Item=forged)
    path = f"tenants/{acme.id}/documents/{theirs}/{version}/original"
    credentials.client("s3").put_object(Bucket=cloud.documents_bucket(US), Key=path, Body=b"evil")
    entry = ENTRY.format(tenant=acme.id, document=theirs)
    cloud.eventually(lambda: searches(acme, credentials, "GET", entry) == 200)
    assert ann.searches("secret of hooli")["items"] == []
    database.delete_item(TableName=table, Key=key(f"{acme.id}#doc#{theirs}"))
    cloud.eventually(lambda: searches(acme, credentials, "GET", entry) == 404)
    cloud.eventually(lambda: cloud.stored_objects(US, f"tenants/{acme.id}/documents/{theirs}/") == [])
    bob.finds("the secret of hooli", theirs)
    assert bob.downloads(theirs) == b"the secret of hooli"
    assert cloud.stored_objects(US, f"tenants/{hooli.id}/documents/{theirs}/") == stored


def test_nobody_becomes_a_tenant_without_naming_one(acme: TenantSite) -> None:
    operator = acme.site.cloud.as_operator(US).client("sts")
    role = acme.site.cloud.tenant_access_role(US, "documents")
    refused(lambda: operator.assume_role(RoleArn=role, RoleSessionName="probe"))
    refused(
        lambda: operator.assume_role(
            RoleArn=role, RoleSessionName="probe", Tags=[{"Key": "tenant_id", "Value": acme.id}]
        )
    )


# -- keys, tables and buckets refuse whoever is not named


@pytest.fixture(scope="module")
def administrator(acme: TenantSite) -> AwsSession:
    """A user of the account who may do everything, as far as IAM goes."""
    iam, name = acme.site.cloud.root("iam", US), "database-administrator"
    iam.create_user(UserName=name)
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName="everything", PolicyDocument=json.dumps(everything))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return AwsSession(acme.site.cloud.settings, US, (made["AccessKeyId"], made["SecretAccessKey"]))


def test_who_may_do_everything_reads_and_changes_no_item(administrator: AwsSession, acme: TenantSite, own: str) -> None:
    database = administrator.client("dynamodb")
    assert database.describe_table(TableName="docplatform-data")["Table"]["ItemCount"] >= 0
    for table, item in (("docplatform-data", key(f"{acme.id}#doc#{own}")), ("docplatform-audit", key(f"{acme.id}#x"))):
        refused(lambda table=table: database.scan(TableName=table))
        refused(lambda table=table, item=item: database.get_item(TableName=table, Key=item))
        refused(lambda table=table, item=item: database.put_item(TableName=table, Item=item))
        refused(lambda table=table, item=item: database.delete_item(TableName=table, Key=item))
    children = {":p": {"S": f"{acme.id}#children#root"}}
    index = {"TableName": "docplatform-data", "IndexName": "gsi1", "KeyConditionExpression": "gsi1pk = :p"}
    refused(lambda: database.query(**index, ExpressionAttributeValues=children))


def test_who_may_do_everything_reads_and_changes_no_file(administrator: AwsSession, acme: TenantSite, own: str) -> None:
    storage, bucket = administrator.client("s3"), acme.site.cloud.documents_bucket(US)
    name = acme.site.cloud.stored_objects(US, f"tenants/{acme.id}/documents/{own}/")[0]
    assert storage.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    refused(lambda: storage.get_object(Bucket=bucket, Key=name))
    refused(lambda: storage.put_object(Bucket=bucket, Key=name, Body=b"x"))
    refused(lambda: storage.delete_object(Bucket=bucket, Key=name))
    refused(lambda: storage.list_objects_v2(Bucket=bucket))
    refused(lambda: storage.list_object_versions(Bucket=bucket))
    link = storage.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": name}, ExpiresIn=60)
    assert requests.get(link, timeout=30).status_code == 403


def test_who_may_do_everything_opens_no_secret(administrator: AwsSession, acme: TenantSite) -> None:
    theirs = acme.site.cloud.as_tenant(US, acme.id, function="identity").client("kms")
    keys, context = administrator.client("kms"), {"tenant_id": acme.id}
    key_id = keys.describe_key(KeyId="alias/docplatform-data")["KeyMetadata"]["Arn"]
    made = theirs.generate_data_key(KeyId=key_id, KeySpec="AES_256", EncryptionContext=context)
    assert theirs.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=context)["Plaintext"]
    for given in (context, {}):
        refused(lambda given=given: keys.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=given))
        refused(lambda given=given: keys.generate_data_key(KeyId=key_id, KeySpec="AES_256", EncryptionContext=given))
    refused(lambda: keys.encrypt(KeyId=key_id, Plaintext=b"x"))
    me = f"arn:aws:iam::{key_id.split(':')[4]}:user/database-administrator"
    refused(lambda: keys.create_grant(KeyId=key_id, GranteePrincipal=me, Operations=["Decrypt"]))


def test_who_may_do_everything_becomes_no_tenant(administrator: AwsSession, acme: TenantSite) -> None:
    cloud, sts = acme.site.cloud, administrator.client("sts")
    break_glass = cloud.tenant_access_role(US, "documents").replace("tenant-access-files", "break-glass")
    tags = [{"Key": "tenant_id", "Value": acme.id}]
    for role in (break_glass, *(cloud.tenant_access_role(US, function) for function in NEEDS)):
        refused(lambda role=role: sts.assume_role(RoleArn=role, RoleSessionName="incident-1", Tags=tags))


NEEDS = {
    "authorizer": "",
    "documents": "files",
    "search": "search",
    "index-sync": "files search",
    "identity": "secrets",
}
"""Function → what it reaches of its tenant beside the items."""


@pytest.mark.parametrize("function", NEEDS)
def test_a_function_reaches_of_its_tenant_what_it_needs(acme: TenantSite, own: str, function: str) -> None:
    cloud, needs = acme.site.cloud, NEEDS[function]
    mine, bucket = cloud.as_tenant(US, acme.id, function=function), cloud.documents_bucket(US)
    assert "Item" in mine.client("dynamodb").get_item(TableName="docplatform-data", Key=key(f"{acme.id}#doc#{own}"))
    name = cloud.stored_objects(US, f"tenants/{acme.id}/documents/{own}/")[0]
    key_id = cloud.root("kms", US).describe_key(KeyId="alias/docplatform-data")["KeyMetadata"]["Arn"]
    asked = {"KeyId": key_id, "KeySpec": "AES_256", "EncryptionContext": {"tenant_id": acme.id}}
    calls = {
        "files": lambda: mine.client("s3").get_object(Bucket=bucket, Key=name),
        "secrets": lambda: mine.client("kms").generate_data_key(**asked),
    }
    for need, call in calls.items():
        if need in needs:
            call()
        else:
            refused(call)
    assert searches(acme, mine) == (200 if "search" in needs else 403)


def test_no_function_takes_the_role_of_another_need(acme: TenantSite) -> None:
    cloud = acme.site.cloud
    for function in NEEDS:
        for other in NEEDS.keys() - {function}:
            refused(
                lambda function=function, other=other: cloud.as_tenant(US, acme.id, function=function, role_of=other)
            )
    for function in ("info", "processing-start", "job-watch", "job-tick"):
        refused(lambda function=function: cloud.as_tenant(US, acme.id, function=function, role_of="authorizer"))


def test_what_opens_untrusted_files_reaches_nothing_in_its_own_name(acme: TenantSite, own: str) -> None:
    cloud = acme.site.cloud
    opener, bucket = cloud.as_function(US, "file-opener"), cloud.documents_bucket(US)
    name = cloud.stored_objects(US, f"tenants/{acme.id}/documents/{own}/")[0]
    registry = {"TableName": "docplatform-registry", "Key": key(f"tenant#{acme.id}", "tenant")}
    refused(lambda: opener.client("s3").get_object(Bucket=bucket, Key=name))
    refused(lambda: opener.client("s3").put_object(Bucket=bucket, Key=name, Body=b"x"))
    refused(lambda: opener.client("dynamodb").get_item(TableName="docplatform-data", Key=key(f"{acme.id}#doc#{own}")))
    refused(lambda: opener.client("dynamodb").get_item(**registry))
    refused(lambda: opener.client("lambda").invoke(FunctionName="docplatform-processing-finish", Payload="{}"))
    for function in NEEDS:
        refused(lambda function=function: cloud.as_tenant(US, acme.id, function="file-opener", role_of=function))
    assert searches(acme, opener) == 403


def test_a_held_id_of_a_neighbour_finds_nothing_over_http(ann: Member, theirs: str) -> None:
    answers = [
        ann.asks("GET", f"/v1/documents/{theirs}"),
        ann.asks("GET", f"/v1/documents/{theirs}/content"),
        ann.asks("DELETE", f"/v1/documents/{theirs}"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    unknown = ann.asks("GET", f"/v1/documents/{theirs[:-1]}{'0' if theirs[-1] != '0' else '1'}")
    same = {name: value for name, value in unknown.json().items() if name != "request_id"}
    assert same == {name: value for name, value in answers[0].json().items() if name != "request_id"}
    assert ann.searches("secret hooli")["items"] == []
