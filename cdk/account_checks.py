"""What can be seen of a deployment from outside, with an administrator's credentials: run it in the first hours of an account, and after
each change of it. It changes nothing.

    python cdk/account_checks.py [REGION]...          # the regions of cdk.json by default

Prints a line for each check. Exits with 1 if one fails. docs/operations.md says what to do then, and what only people can check.
"""

from __future__ import annotations

import argparse
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(ROOT), str(ROOT / "layers/platform/python")]

import boto3
from botocore.exceptions import ClientError

from cdk import names, specs
from cdk.config import Config, Region, context_of_repository, load

_REFUSED = {"AccessDenied", "AccessDeniedException", "403"}
_DONE = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
_TENANT = "t000000000000"  # nobody's


@dataclass(frozen=True)
class Account:
    """The account in one region. ``client``: service → its client. ``fetch``: URL → status."""

    config: Config
    region: Region
    client: Callable[[str], Any]
    fetch: Callable[[str], int]

    def stacks(self) -> Iterator[str]:
        yield from (names.stack(part, self.region.name) for part in ("data", "api", "workflows", "observability"))


def check_trail(account: Account) -> str:
    """A trail of management events, without which nobody learns that the glass was broken."""
    trails = account.client("cloudtrail")
    for each in trails.describe_trails()["trailList"]:
        here = each.get("IsMultiRegionTrail") or each.get("HomeRegion") == account.region.name
        if here and trails.get_trail_status(Name=each["TrailARN"])["IsLogging"] and _logs_all(trails, each["TrailARN"]):
            return ""
    return "no trail records management events here, reading ones too"


def _logs_all(trails: Any, arn: str) -> bool:
    told = trails.get_event_selectors(TrailName=arn)
    plain = any(
        each.get("IncludeManagementEvents") and each.get("ReadWriteType") == "All"
        for each in told.get("EventSelectors", ())
    )
    fields = [each["FieldSelectors"] for each in told.get("AdvancedEventSelectors", ())]
    management = [each for each in fields if {"Field": "eventCategory", "Equals": ["Management"]} in each]
    return plain or any(not any(one["Field"] == "readOnly" for one in each) for each in management)


def check_stacks(account: Account) -> str:
    formation = account.client("cloudformation")
    found = {name: formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] for name in account.stacks()}
    return ", ".join(f"{name} is {state}" for name, state in found.items() if state not in _DONE)


def check_protection(account: Account) -> str:
    """The second deployment has turned it on."""
    database = account.client("dynamodb")
    tables = (names.DATA_TABLE, names.AUDIT_TABLE, names.OPERATIONS_TABLE, names.REGISTRY)
    return ", ".join(
        f"{table} can be deleted"
        for table in tables
        if not database.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled")
    )


def check_concurrency(account: Account) -> str:
    limit = account.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    wanted = account.config.lambda_concurrency
    return "" if limit >= wanted else f"the account may run {limit} functions at once; lambda_concurrency is {wanted}"


def check_functions(account: Account) -> str:
    """Every function is active: its layers fit its runtime, and its role exists."""
    functions = account.client("lambda")
    found = {
        each.spec.name: functions.get_function_configuration(FunctionName=names.function(each.spec.name))["State"]
        for each in specs.discover()
    }
    return ", ".join(f"{name} is {state}" for name, state in found.items() if state not in ("Active", "Inactive"))


def check_mail(account: Account) -> str:
    mail = account.client("sesv2")
    if not mail.get_account()["ProductionAccessEnabled"]:
        return "SES is in its sandbox: invitations reach verified addresses only"
    domain = parseaddr(account.config.mail_sender)[1].partition("@")[2]
    verified = mail.get_email_identity(EmailIdentity=domain)["VerifiedForSendingStatus"]
    return "" if verified else f"{domain} is not verified"


def check_certificate(account: Account) -> str:
    if not account.region.certificate_arn:
        return "no certificate_arn: tenants have no addresses"
    certificate = account.client("acm").describe_certificate(CertificateArn=account.region.certificate_arn)[
        "Certificate"
    ]
    if certificate["Status"] != "ISSUED":
        return f"the certificate is {certificate['Status']}"
    missing = {account.region.domain, account.region.live_domain} - set(certificate["SubjectAlternativeNames"])
    return f"the certificate lacks {', '.join(sorted(missing))}" if missing else ""


def check_alarms(account: Account) -> str:
    arn = f"arn:aws:sns:{account.region.name}:{account.config.account}:{names.ALARM_TOPIC}"
    found = account.client("sns").list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    confirmed = [each for each in found if each["SubscriptionArn"].startswith("arn:")]
    return "" if confirmed else "nobody has confirmed a subscription of the alarms"


def check_log_groups(account: Account) -> str:
    """Groups that AWS makes by itself are kept for ever: give them a retention (``aws logs put-retention-policy``)."""
    logs, kept = account.client("logs"), []
    for prefix in (
        "API-Gateway-Execution-Logs_",
        "/aws/apigateway/",
        "/aws/lambda/docplatform-",
        "/aws/vendedlogs/states/docplatform-",
    ):
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix):
            kept += [each["logGroupName"] for each in page["logGroups"] if "retentionInDays" not in each]
    return f"kept for ever: {', '.join(kept)}" if kept else ""


def check_health(account: Account) -> str:
    """The API at a tenant's address, with the certificate, the DNS record and the firewall before it."""
    url = account.region.address.replace("{tenant}", "check") + "/v1/health"
    status = account.fetch(url)
    return "" if status == 200 else f"{url} answers {status or 'nothing'}"


def check_perimeter(account: Account) -> str:
    """An administrator reaches no item, no file and no key, and becomes no tenant."""
    database, storage, keys, sts = (account.client(each) for each in ("dynamodb", "s3", "kms", "sts"))
    bucket = names.bucket("documents", account.config.account, account.region.name)
    item = {"pk": {"S": f"{_TENANT}#check"}, "sk": {"S": "check"}}
    tag = [{"Key": "tenant_id", "Value": _TENANT}]
    role = names.role_arn(account.config.account, account.region.name, "tenant-access")
    tried: dict[str, Callable[[], object]] = {
        "reads items": lambda: database.get_item(TableName=names.DATA_TABLE, Key=item),
        "scans the audit trail": lambda: database.scan(TableName=names.AUDIT_TABLE, Limit=1),
        "runs PartiQL": lambda: database.execute_statement(
            Statement=f'SELECT * FROM "{names.DATA_TABLE}" WHERE pk = ?',  # noqa: S608 (a constant)
            Parameters=[item["pk"]],
        ),
        "lists files": lambda: storage.list_objects_v2(Bucket=bucket, MaxKeys=1),
        "uses the data key": lambda: keys.generate_data_key(
            KeyId=names.DATA_KEY, KeySpec="AES_256", EncryptionContext={"tenant_id": _TENANT}
        ),
        "becomes a tenant": lambda: sts.assume_role(RoleArn=role, RoleSessionName="check", Tags=tag),
    }
    return ", ".join(f"an administrator {what}" for what, call in tried.items() if not _is_refused(call))


def _is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"] in _REFUSED
    return False


CHECKS: dict[str, Callable[[Account], str]] = {
    "trail": check_trail,
    "stacks": check_stacks,
    "protection": check_protection,
    "concurrency": check_concurrency,
    "functions": check_functions,
    "perimeter": check_perimeter,
    "mail": check_mail,
    "certificate": check_certificate,
    "health": check_health,
    "alarms": check_alarms,
    "log groups": check_log_groups,
}
"""Name → check, which returns what is wrong, or ''."""


def run(account: Account) -> list[tuple[str, str]]:
    """Every check's name with what is wrong, or ''. A call that AWS refuses or does not know is wrong too."""
    found = []
    for name, check in CHECKS.items():
        try:
            found.append((name, check(account)))
        except ClientError as error:
            found.append((name, f"{error.operation_name}: {error.response['Error']['Code']}"))
    return found


def _status(url: str) -> int:
    """0 if nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 (the address of cdk.json)
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Check a deployment in its AWS account.")
    parser.add_argument("regions", nargs="*", metavar="REGION")
    chosen = parser.parse_args().regions
    config = load(context_of_repository())
    failed = False
    for region in config.regions:
        if chosen and region.name not in chosen:
            continue
        session = boto3.session.Session(region_name=region.name)
        for name, wrong in run(Account(config, region, session.client, _status)):
            print(f"{region.name}  {name:12} {wrong or 'ok'}")
            failed = failed or bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
