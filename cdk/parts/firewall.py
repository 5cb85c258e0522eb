"""WAF before the API: AWS's managed rules against the OWASP top ten, known bad inputs and addresses, and a rate per address."""

from __future__ import annotations

from aws_cdk import aws_wafv2 as waf
from config import PREFIX
from constructs import Construct

_MANAGED = ("AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesCommonRuleSet")
_RATE = 10_000  # requests of one address in five minutes


class Firewall(Construct):
    def __init__(self, scope: Construct, name: str, *, stage_arn: str) -> None:
        super().__init__(scope, name)
        rules = [
            waf.CfnWebACL.RuleProperty(
                name="rate",
                priority=0,
                action=waf.CfnWebACL.RuleActionProperty(block={}),
                statement=waf.CfnWebACL.StatementProperty(
                    rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                        limit=_RATE, aggregate_key_type="IP"
                    )
                ),
                visibility_config=self._visible("rate"),
            )
        ]
        for priority, group in enumerate(_MANAGED, start=1):
            rules.append(
                waf.CfnWebACL.RuleProperty(
                    name=group,
                    priority=priority,
                    override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
                    statement=waf.CfnWebACL.StatementProperty(
                        managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(
                            vendor_name="AWS", name=group
                        )
                    ),
                    visibility_config=self._visible(group),
                )
            )
        acl = waf.CfnWebACL(
            self,
            "Acl",
            name=PREFIX,
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            rules=rules,
            visibility_config=self._visible("acl"),
        )
        waf.CfnWebACLAssociation(self, "Association", resource_arn=stage_arn, web_acl_arn=acl.attr_arn)

    @staticmethod
    def _visible(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
        return waf.CfnWebACL.VisibilityConfigProperty(
            cloud_watch_metrics_enabled=True, metric_name=f"{PREFIX}-{name}", sampled_requests_enabled=True
        )
