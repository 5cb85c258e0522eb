"""The network of functions that open untrusted files: private subnets without a way out, and one endpoint, to the documents in S3.

A parser that a file has taken over has no permissions already (cdk/grants.py); here it has nobody to send the file to. The endpoint's
policy allows objects of the documents bucket only, so a link to any other bucket does not work either. Amazon's resolver answers names
in every subnet: a firewall for DNS would be the next wall.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk import names
from cdk.constructs.logs import log_group

_NETWORK, _ZONES = (
    "10.0.0.0/24",
    ("10.0.0.0/26", "10.0.0.64/26"),
)  # 59 addresses each; functions of one set of subnets share theirs


class IsolatedNetwork(Construct):
    """``subnets`` and ``group`` are what a function needs to be in it."""

    def __init__(self, scope: Construct, name: str, *, key: kms.IKey, ephemeral: bool) -> None:
        super().__init__(scope, name)
        stack = cdk.Stack.of(self)
        self._vpc = ec2.CfnVPC(self, "Vpc", cidr_block=_NETWORK, enable_dns_support=True, enable_dns_hostnames=True)
        routes = ec2.CfnRouteTable(self, "Routes", vpc_id=self._vpc.ref)
        self.subnets = [self._subnet(number, block, routes) for number, block in enumerate(_ZONES)]
        self.group = ec2.CfnSecurityGroup(
            self,
            "Group",
            group_description="Functions that open untrusted files: out by TLS, which only reaches S3, and nothing in",
            vpc_id=self._vpc.ref,
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(
                    ip_protocol="tcp",
                    from_port=443,
                    to_port=443,
                    cidr_ip="0.0.0.0/0",
                    description="S3, by the endpoint",
                )
            ],
        )
        ec2.CfnVPCEndpoint(
            self,
            "Files",
            service_name=f"com.amazonaws.{stack.region}.s3",
            vpc_id=self._vpc.ref,
            vpc_endpoint_type="Gateway",
            route_table_ids=[routes.ref],
            policy_document=_documents_only(stack),
        )
        self._log_flows(key, ephemeral)

    def _subnet(self, number: int, block: str, routes: ec2.CfnRouteTable) -> ec2.CfnSubnet:
        subnet = ec2.CfnSubnet(
            self,
            f"Subnet{number}",
            vpc_id=self._vpc.ref,
            cidr_block=block,
            availability_zone=cdk.Fn.select(number, cdk.Fn.get_azs()),
            map_public_ip_on_launch=False,
        )
        ec2.CfnSubnetRouteTableAssociation(
            self, f"Association{number}", subnet_id=subnet.ref, route_table_id=routes.ref
        )
        return subnet

    def _log_flows(self, key: kms.IKey, ephemeral: bool) -> None:
        """Refused and accepted connections: something that wants out shows here."""
        stack = cdk.Stack.of(self)
        group = log_group(self, "Flows", log_group_name="/docplatform/network-flows", key=key, ephemeral=ephemeral)
        role = iam.Role(
            self,
            "FlowsRole",
            role_name=names.role("network-flows", stack.region),
            assumed_by=iam.ServicePrincipal("vpc-flow-logs.amazonaws.com"),
        )
        streams = f"arn:aws:logs:{stack.region}:{stack.account}:log-group:/docplatform/network-flows:*"
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"], resources=[streams]
            )
        )
        flows = ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=self._vpc.ref,
            resource_type="VPC",
            traffic_type="ALL",
            log_group_name=group.log_group_name,
            deliver_logs_permission_arn=role.role_arn,
        )
        flows.node.add_dependency(role)


def _documents_only(stack: cdk.Stack) -> iam.PolicyDocument:
    documents = names.bucket_arn("documents", stack.account, stack.region)
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(
                principals=[iam.AnyPrincipal()],
                actions=["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
                resources=[f"{documents}/tenants/*", f"{documents}/derived/*"],
            )
        ]
    )
