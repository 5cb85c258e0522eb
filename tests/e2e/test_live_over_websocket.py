"""Live connections over real sockets: a ticket opens one, and the end of its session closes it, whatever ended the session."""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.e2e.client import ANSWER, Session, TenantSite, live, problem, refreshed, sign_in
from tests.e2e.conftest import US

LATEST = 60.0  # seconds after the end of a session in which its connections are closed
ENDED = {"type": "session.ended"}


def ticket(member: Session) -> str:
    answer = member.asks("POST", "/v1/live/tickets")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"])


@contextmanager
def opened(member: Session, url: str = "") -> Iterator[ClientConnection]:
    with live(member.site, url or ticket(member)) as socket:
        yield socket


def asks(socket: ClientConnection, message: object) -> Any:
    socket.send(message if isinstance(message, str) else json.dumps(message))
    return json.loads(socket.recv(timeout=ANSWER))


def answers(socket: ClientConnection) -> bool:
    return bool(asks(socket, {"action": "ping"}) == {"type": "pong"})


def is_refused(member: Session, url: str) -> bool:
    """Whether the handshake is answered with 401, as the documents say."""
    try:
        with opened(member, url):
            return False
    except InvalidStatus as refused:
        assert refused.response.status_code == 401
        return True


def is_told_and_closed(socket: ClientConnection) -> bool:
    deadline = time.monotonic() + LATEST
    told = json.loads(socket.recv(timeout=LATEST))
    with pytest.raises(ConnectionClosed):
        socket.recv(timeout=max(0.1, deadline - time.monotonic()))
    return bool(told == ENDED)


def test_a_ticket_opens_one_connection(acme: TenantSite) -> None:
    ann = acme.invites("viewer").session
    url = ticket(ann)
    with opened(ann, url) as socket:
        assert answers(socket) and answers(socket)
        assert is_refused(ann, url)
        assert answers(socket)
    ann.site.cloud.eventually(
        lambda: {"live-ticket.issued", "live.connected", "live.ended"} <= set(trail(acme, session_of(ann)))
    )


def session_of(member: Session) -> str:
    (current,) = [each["id"] for each in member.asks("GET", "/v1/sessions").json()["items"] if each["current"]]
    return str(current)


def trail(tenant: TenantSite, target: str) -> list[str]:
    return tenant.site.cloud.audit_actions(US, tenant.id, target)


def test_what_is_no_ticket_opens_nothing(acme: TenantSite) -> None:
    url = ticket(acme.admin)
    address, _, secret = url.partition("=")
    made_up = ("", "x", "x" * 43, f"{secret}x", secret[:-1], f"{secret}&ticket=x", acme.id, acme.admin.token)
    assert [each for each in made_up if not is_refused(acme.admin, f"{address}={each}")] == []
    with opened(acme.admin, url) as socket:
        assert answers(socket)
    assert "live-ticket.refused" in trail(acme, "api")


@pytest.mark.parametrize("query", ["", "?ticket=", "?ticket=x", "?other=x"])
def test_a_bare_handshake_without_a_ticket_is_answered_with_401(acme: TenantSite, query: str) -> None:
    address = urlsplit(ticket(acme.admin))
    lines = (
        f"GET /{query} HTTP/1.1",
        f"Host: {address.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    )
    with socket.create_connection(("127.0.0.1", address.port or 80), timeout=ANSWER) as line:
        line.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        assert line.recv(4096).split(b" ")[1] == b"401"


def test_a_ticket_opens_nothing_at_another_tenants(acme: TenantSite, hooli: TenantSite) -> None:
    url = ticket(acme.admin)
    address = ticket(hooli.admin).partition("=")[0]
    assert is_refused(hooli.admin, f"{address}={url.partition('=')[2]}")
    with opened(acme.admin, url) as socket:
        assert answers(socket), "it was not used up there"


def test_what_is_no_message_is_told_so(acme: TenantSite) -> None:
    with opened(acme.admin) as socket:
        for message in ("", "x", "[]", "{", '{"action":"view"}', '{"action":"$connect"}', "x" * 5000):
            told = asks(socket, message)
            assert (told["type"], told["problem"]["code"]) == ("problem", "malformed_request"), message[:20]
        assert answers(socket)


def logs_out(member: Session, admin: Session) -> None:
    body = {"refresh_token": member.tokens["refresh_token"]}
    assert member.site.ask("POST", "/v1/auth/logout", json=body).status_code == 204


def revokes_itself(member: Session, admin: Session) -> None:
    assert member.asks("DELETE", f"/v1/sessions/{session_of(member)}").status_code == 204


def is_revoked_by_an_admin(member: Session, admin: Session) -> None:
    assert admin.asks("DELETE", f"/v1/users/{member.user_id}/sessions").status_code == 204


def shows_a_used_refresh_token(member: Session, admin: Session) -> None:
    body = {"refresh_token": member.tokens["refresh_token"]}
    refreshed(member)
    assert member.site.ask("POST", "/v1/auth/refresh", json=body).status_code == 401


def is_disabled(member: Session, admin: Session) -> None:
    answer = admin.asks("PATCH", f"/v1/users/{member.user_id}", json={"disabled": True})
    assert answer.status_code == 200, answer.text


def is_deleted(member: Session, admin: Session) -> None:
    answer = admin.asks("DELETE", f"/v1/users/{member.user_id}")
    assert answer.status_code == 204, answer.text


def is_deprovisioned(member: Session, admin: Session) -> None:
    schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
    body = {"schemas": [schema], "Operations": [{"op": "replace", "path": "active", "value": False}]}
    answer = admin.asks("PATCH", f"/scim/v2/Users/{member.user_id}", json=body)
    assert answer.status_code == 200, answer.text


ENDS: list[Callable[[Session, Session], None]] = [
    logs_out,
    revokes_itself,
    is_revoked_by_an_admin,
    shows_a_used_refresh_token,
    is_disabled,
    is_deleted,
    is_deprovisioned,
]


@pytest.mark.parametrize("ends", ENDS, ids=lambda ends: ends.__name__)
def test_a_connection_ends_with_its_session_and_no_other_does(
    ends: Callable[[Session, Session], None], acme: TenantSite, hooli: TenantSite
) -> None:
    member = acme.invites("viewer").session
    with ExitStack() as sockets:
        own = [sockets.enter_context(opened(member)) for _ in range(2)]
        others = [sockets.enter_context(opened(each)) for each in (acme.admin, hooli.admin)]
        late = ticket(member)
        assert all(answers(each) for each in (*own, *others))
        ends(member, acme.admin)
        assert all(is_told_and_closed(each) for each in own)
        assert all(answers(each) for each in others)
        assert is_refused(member, late)


def test_another_session_of_the_same_person_goes_on(acme: TenantSite) -> None:
    person = acme.invites("viewer")
    member, elsewhere = person.session, sign_in(person.site, person.email)
    with opened(member) as one, opened(elsewhere) as other:
        logs_out(member, acme.admin)
        assert is_told_and_closed(one)
        assert answers(other)


def test_a_twenty_first_connection_ends_the_oldest(acme: TenantSite) -> None:
    member = acme.invites("viewer").session
    with ExitStack() as sockets:
        own = [sockets.enter_context(opened(member)) for _ in range(21)]
        assert json.loads(own[0].recv(timeout=ANSWER)) == {"type": "connection.replaced"}
        with pytest.raises(ConnectionClosed):
            own[0].recv(timeout=ANSWER)
        assert all(answers(each) for each in own[1:])


def test_tickets_are_for_people_who_have_logged_in(acme: TenantSite) -> None:
    from tests.e2e.test_keys_over_http import program

    assert acme.site.ask("POST", "/v1/live/tickets").status_code == 401
    assert problem(program(acme.admin, "read").asks("POST", "/v1/live/tickets")) == (403, "session_needed")


def test_nobody_else_reads_or_closes_connections(acme: TenantSite, hooli: TenantSite) -> None:
    cloud, admin = acme.site.cloud, acme.admin
    partition = {":pk": {"S": f"{acme.id}#live#{admin.user_id}"}}

    def connections_read_by(tenant: TenantSite) -> int:
        found = cloud.as_tenant(US, tenant.id).client("dynamodb")
        query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": partition}
        return int(found.query(TableName="docplatform-data", **query)["Count"])

    with opened(admin) as socket:
        assert answers(socket)
        assert connections_read_by(acme) >= 1
        with pytest.raises(ClientError, match="AccessDenied"):
            connections_read_by(hooli)
    for name in ("documents", "identity", "live", "live-admission", "authorizer"):
        with pytest.raises(ClientError) as refused:
            gateway_as(acme, name).delete_connection(ConnectionId="x")
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403, name
    with pytest.raises(ClientError) as gone:
        gateway_as(acme, "live-ends").delete_connection(ConnectionId=secrets.token_hex(8))
    assert gone.value.response["ResponseMetadata"]["HTTPStatusCode"] == 410


def gateway_as(tenant: TenantSite, function: str) -> Any:
    cloud = tenant.site.cloud
    (api,) = [
        each["ApiId"] for each in cloud.root("apigatewayv2", US).get_apis()["Items"] if each["Name"].endswith("-live")
    ]
    endpoint = f"{cloud.settings.endpoint}/_aws/execute-api/{api}/live"
    return cloud.as_function(US, function).client("apigatewaymanagementapi", endpoint)
