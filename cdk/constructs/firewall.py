"""The firewall (WAF) in front of the API: AWS's managed rules against the OWASP top ten, known bad inputs and
addresses with a bad reputation, and a rate limit for each address."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from cdk import names
from cdk.constructs.logs import AUDIT, log_group

# A whole company may share one address. The largest tenant has 50,000 users who renew their tokens every 15 minutes: about
# 17,000 legitimate sign-ins in five minutes. Its plan allows 100,000 calls a minute. The lock-out of each account stops
# the guessing of passwords long before these limits.
LOG_INS, CALLS = 30_000, 600_000  # requests from one address in five minutes

_COUNTED = {
    "AWSManagedRulesAmazonIpReputationList": (),
    "AWSManagedRulesKnownBadInputsRuleSet": (
        "JavaDeserializationRCE_BODY",
        "JavaDeserializationRCE_QUERYSTRING",
        "Log4JRCE_BODY",
        "Log4JRCE_QUERYSTRING",
    ),
    "AWSManagedRulesCommonRuleSet": (
        "NoUserAgent_HEADER",
        "SizeRestrictions_BODY",
        "SizeRestrictions_QUERYSTRING",
        "CrossSiteScripting_BODY",
        "CrossSiteScripting_QUERYARGUMENTS",
        "EC2MetaDataSSRF_BODY",
        "EC2MetaDataSSRF_QUERYARGUMENTS",
        "GenericLFI_BODY",
        "GenericLFI_QUERYARGUMENTS",
        "GenericRFI_BODY",
        "GenericRFI_QUERYARGUMENTS",
        "RestrictedExtensions_QUERYARGUMENTS",
    ),
}
"""Managed rule groups → their rules that count and do not block. People search for what documents say (``error.log``, paths,
addresses, mark-up, code), and name folders and documents after it. So rules of query arguments and bodies count; those of paths, headers,
cookies and methods block. Functions validate every body, which is JSON or a form; no response is HTML, and nothing runs Java.
tests/infrastructure/test_firewall.py holds the rules against honest requests."""


class Firewall(Construct):
    def __init__(self, scope: Construct, name: str, *, stage_arn: str, key: kms.IKey, ephemeral: bool) -> None:
        super().__init__(scope, name)
        log_ins = {"orStatement": {"statements": [_under("/v1/auth/"), _under("/v1/sso/")]}}
        rules = [_rate("log-ins", 0, LOG_INS, log_ins), _rate("calls", 1, CALLS)]
        rules += [
            _group(group, priority, counted) for priority, (group, counted) in enumerate(_COUNTED.items(), start=2)
        ]
        acl = waf.CfnWebACL(
            self,
            "Acl",
            name=names.PREFIX,
            scope="REGIONAL",
            default_action={"allow": {}},
            rules=rules,
            visibility_config=_visible("firewall"),
        )
        waf.CfnWebACLAssociation(self, "Association", resource_arn=stage_arn, web_acl_arn=acl.attr_arn)
        if not ephemeral:
            self._log_refusals(acl, key)

    def _log_refusals(self, acl: waf.CfnWebACL, key: kms.IKey) -> None:
        """Log requests that were blocked or counted, without tokens, cookies and the query."""
        stack = cdk.Stack.of(self)
        name = "aws-waf-logs-docplatform"  # WAF requires this prefix
        group = log_group(
            self,
            "Log",
            log_group_name=name,
            key=key,
            ephemeral=False,
            retention=AUDIT,
        )
        kept = [{"ActionCondition": {"Action": action}} for action in ("BLOCK", "COUNT")]
        logging = waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            log_destination_configs=[f"arn:aws:logs:{stack.region}:{stack.account}:log-group:{name}"],
            redacted_fields=[
                waf.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": "authorization"}),
                waf.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": "cookie"}),
                waf.CfnLoggingConfiguration.FieldToMatchProperty(query_string={}),
            ],
            logging_filter={
                "DefaultBehavior": "DROP",
                "Filters": [{"Behavior": "KEEP", "Requirement": "MEETS_ANY", "Conditions": kept}],
            },
        )
        logging.node.add_dependency(group)


def _under(path: str) -> dict[str, Any]:
    return {
        "byteMatchStatement": {
            "fieldToMatch": {"uriPath": {}},
            "positionalConstraint": "CONTAINS",  # with or without the stage before it
            "searchString": path,
            "textTransformations": [{"priority": 0, "type": "NORMALIZE_PATH"}],
        }
    }


def _rate(name: str, priority: int, limit: int, only: dict[str, Any] | None = None) -> waf.CfnWebACL.RuleProperty:
    rate: dict[str, Any] = {"limit": limit, "aggregateKeyType": "IP"}
    if only:
        rate["scopeDownStatement"] = only
    return waf.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        action={"block": {}},
        statement={"rateBasedStatement": rate},
        visibility_config=_visible(name),
    )


def _group(name: str, priority: int, counted: tuple[str, ...]) -> waf.CfnWebACL.RuleProperty:
    statement: dict[str, Any] = {"vendorName": "AWS", "name": name}
    if counted:
        statement["ruleActionOverrides"] = [{"name": rule, "actionToUse": {"count": {}}} for rule in counted]
    return waf.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action={"none": {}},
        statement={"managedRuleGroupStatement": statement},
        visibility_config=_visible(name),
    )


def _visible(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=f"{names.PREFIX}-{name}", sampled_requests_enabled=True
    )
