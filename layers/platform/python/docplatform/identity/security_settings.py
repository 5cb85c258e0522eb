"""A tenant's security settings: second factors, how long sessions last, and from where members may come (HIPAA
§ 164.312(a)(2)(iii): automatic log-off)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from docplatform.core.errors import Invalid

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SESSION_IDLE = timedelta(days=14)  # without a refresh
SESSION_LIFE = timedelta(days=30)  # since the user was last authenticated (NIST SP 800-63B, section 4.1.3)
TOKEN_LIFE = timedelta(minutes=15)
SHORTEST_IDLE, SHORTEST_LIFE = timedelta(minutes=5), timedelta(hours=1)
MOST_RANGES = 50


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """``session_idle``: seconds without a refresh after which a session ends; ``session_life``: seconds after its user
    was last authenticated. ``address_ranges``: IP ranges that members and API keys may come from; all if empty.

    ``used_since``, ``authenticated_since``: sessions that were last used, or authenticated, before these times have ended
    under shorter limits of before, and do not come back with longer ones."""

    require_mfa: bool = False
    session_idle: int = int(SESSION_IDLE.total_seconds())
    session_life: int = int(SESSION_LIFE.total_seconds())
    address_ranges: tuple[str, ...] = ()
    used_since: datetime | None = None
    authenticated_since: datetime | None = None
    revision: int = 0
    """The number of writes."""

    @property
    def idle(self) -> timedelta:
        return timedelta(seconds=self.session_idle)

    @property
    def life(self) -> timedelta:
        return timedelta(seconds=self.session_life)

    @property
    def token_life(self) -> timedelta:
        """How long an access token is valid. A client that is in use exchanges its refresh token before the idle time is
        over."""
        return min(TOKEN_LIFE, self.idle / 2)

    def end_of_session(self, used_at: datetime, authenticated_at: datetime) -> datetime:
        if self.used_since and used_at < self.used_since:
            return used_at
        if self.authenticated_since and authenticated_at < self.authenticated_since:
            return used_at
        return min(used_at + self.idle, authenticated_at + self.life)

    def allows(self, address: str) -> bool:
        return is_within(address, self.address_ranges)

    def changed_to(self, after: SecuritySettings, at: datetime) -> SecuritySettings:
        """``after``, with the times up to which the present limits have ended sessions."""
        return replace(
            after,
            used_since=_later(self.used_since, at - self.idle),
            authenticated_since=_later(self.authenticated_since, at - self.life),
            revision=self.revision + 1,
        )


def check_limits(idle: timedelta, life: timedelta) -> None:
    """Raises Invalid."""
    if not SHORTEST_IDLE <= idle <= SESSION_IDLE:
        raise Invalid("A session ends after 5 minutes to 14 days without use.")
    if not SHORTEST_LIFE <= life <= SESSION_LIFE:
        raise Invalid("A session ends 1 hour to 30 days after the last authentication.")


def clean_ranges(ranges: Iterable[str]) -> tuple[str, ...]:
    """The ranges in CIDR form (RFC 4632), each once; a single address is a range of one. Raises Invalid."""
    cleaned = []
    for each in ranges:
        try:
            cleaned.append(str(_without_mapping(ipaddress.ip_network(each.strip()))))
        except ValueError:
            raise Invalid(
                f"'{each[:50]}' is no IP range; write it as 192.0.2.0/24 or 2001:db8::/32, without bits beyond the prefix."
            ) from None
    unique = tuple(dict.fromkeys(cleaned))
    if len(unique) > MOST_RANGES:
        raise Invalid(f"There may be at most {MOST_RANGES} ranges.")
    return unique


def _without_mapping(network: Network) -> Network:
    """IPv4 addresses that are written as IPv6 (RFC 4291 §2.5.5.2) as IPv4."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < 96:
        return network
    return ipaddress.ip_network((mapped, network.prefixlen - 96))


def is_within(address: str, ranges: Iterable[str]) -> bool:
    """Whether an IP address is in one of the ranges, or there are none. An IPv4 address in IPv6 form is the IPv4
    address."""
    networks = [ipaddress.ip_network(each) for each in ranges]
    if not networks:
        return True
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(mapped in network for network in networks)


def _later(before: datetime | None, at: datetime) -> datetime:
    return max(before, at) if before else at
