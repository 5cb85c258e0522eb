"""The region's own addresses: a wildcard domain before the API, so that every tenant's subdomain arrives there."""

from __future__ import annotations

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_route53 as route53
from constructs import Construct

from cdk import names
from cdk.config import Region


class Domain(Construct):
    """Needs the region's ``certificate_arn``; writes DNS only when it is given a ``hosted_zone_id``."""

    def __init__(self, scope: Construct, name: str, *, region: Region, api: apigateway.RestApi) -> None:
        super().__init__(scope, name)
        domain = apigateway.DomainName(
            self,
            "Name",
            domain_name=region.domain,
            certificate=acm.Certificate.from_certificate_arn(self, "Certificate", region.certificate_arn),
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
        )
        apigateway.BasePathMapping(self, "Mapping", domain_name=domain, rest_api=api, stage=api.deployment_stage)
        if region.hosted_zone_id:
            write_dns(
                self,
                region,
                region.domain,
                dns_name=domain.domain_name_alias_domain_name,
                zone=domain.domain_name_alias_hosted_zone_id,
            )


def write_dns(scope: Construct, region: Region, domain: str, *, dns_name: str, zone: str) -> None:
    """That ``domain`` is API Gateway's ``dns_name``, in its hosted zone ``zone``."""
    route53.CfnRecordSet(
        scope,
        "Record",
        name=domain,
        type="A",
        hosted_zone_id=region.hosted_zone_id,
        comment=f"{names.PREFIX}: tenants of {region.name}",
        alias_target=route53.CfnRecordSet.AliasTargetProperty(dns_name=dns_name, hosted_zone_id=zone),
    )
