"""boto3 clients for the local cloud, with the root user's credentials or others."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from local.settings import LocalSettings

_CONFIG = Config(retries={"max_attempts": 2}, read_timeout=120, inject_host_prefix=False)
_S3_CONFIG = _CONFIG.merge(Config(signature_version="s3v4"))  # of presigned links too


def client(
    settings: LocalSettings,
    service: str,
    region: str,
    credentials: tuple[str, ...] | None = None,
    endpoint: str = "",
) -> Any:
    """``credentials``: access key, secret and, for a role's session, its token; None for the root user's."""
    key, secret, *token = credentials or (settings.root_key, settings.root_secret)
    return boto3.client(
        service,
        endpoint_url=endpoint or settings.endpoint,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token[0] if token else None,
        config=_S3_CONFIG if service == "s3" else _CONFIG,
    )
