"""Cookies of the API: read from requests, and set for the browser alone."""

from __future__ import annotations

from datetime import timedelta
from http.cookies import CookieError, SimpleCookie

from docplatform.core.tenant import Tenant
from docplatform.http.request import Request
from docplatform.runtime.tenant_resolution import address_of


def cookie(tenant: Tenant, request: Request, name: str) -> str:
    """The value of a cookie; '' without it."""
    try:
        found = SimpleCookie(request.headers.get("cookie", "")).get(_full_name(tenant, name))
    except CookieError:
        found = None
    return found.value if found else ""


def set_cookie(tenant: Tenant, name: str, value: str, life: timedelta, *, cross_site_form: bool = False) -> str:
    """The ``Set-Cookie`` header of a cookie that no script reads. ``cross_site_form``: it comes back with a form that
    another site posts; without TLS it does not."""
    secure = _is_secure(tenant)
    site = "None" if cross_site_form and secure else "Lax"
    text = f"{_full_name(tenant, name)}={value}; Path=/; HttpOnly; SameSite={site}; Max-Age={int(life.total_seconds())}"
    return text + ("; Secure" if secure else "")


def _full_name(tenant: Tenant, name: str) -> str:
    """With the ``__Host-`` prefix no other subdomain can set the cookie (RFC 6265bis §4.1.3.2); browsers accept the
    prefix over TLS only."""
    return f"__Host-{name}" if _is_secure(tenant) else name


def _is_secure(tenant: Tenant) -> bool:
    return address_of(tenant).startswith("https://")
