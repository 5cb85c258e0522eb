"""The region's own domain: a wildcard domain in front of the API, which receives the requests to every tenant's
subdomain."""

from __future__ import annotations

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_route53 as route53
from constructs import Construct

from cdk import names
from cdk.config import Region


class Domain(Construct):
    """The REST API's domain. It needs the region's ``certificate_arn``, and writes DNS only with a
    ``hosted_zone_id``."""

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
    """Write an alias record: ``domain`` is API Gateway's ``dns_name`` in API Gateway's hosted zone ``zone``."""
    route53.CfnRecordSet(
        scope,
        "Record",
        name=domain,
        type="A",
        hosted_zone_id=region.hosted_zone_id,
        comment=f"{names.PREFIX}: tenants of {region.name}",
        alias_target=route53.CfnRecordSet.AliasTargetProperty(dns_name=dns_name, hosted_zone_id=zone),
    )
